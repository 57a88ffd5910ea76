import { ServerCredentials } from "@grpc/grpc-js";
import type { KeyPair, Tls } from "../../platform/tls.ts";

/** The certificate to show, as the library takes it. A renewed one is shown to new connections; the open ones live on. */
export class RenewableCredentials extends ServerCredentials {
  constructor(tls: Tls) {
    super({ requestCert: false }, toContext(tls.pair));
    tls.onChange((renewed) => this.updateSecureContextOptions(toContext(renewed)));
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}

function toContext({ cert, key }: KeyPair) {
  return { cert, key };
}
