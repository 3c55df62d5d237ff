// A class with a field whose type says too little for the compiler to note.
// Compiled in a test only; it is a definition error however it is compiled.
import { Entity, Field, Id } from "remora/decorators";

@Entity({ name: "unclear" })
export class Unclear {
  @Id() id!: string;
  @Field() name!: string | null;
}
