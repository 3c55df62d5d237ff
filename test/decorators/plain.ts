// A class whose fields say nothing of their types: the compiler notes them, with type metadata.
// Compiled in a test only; without metadata it is a definition error.
import { Entity, Field, Id } from "remora/decorators";

@Entity({ name: "plain" })
export class Plain {
  @Id() id!: string;
  @Field() name!: string;
  @Field() size!: number;
  @Field() live!: boolean;
  @Field() at!: Date;
}
