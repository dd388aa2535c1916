import NIOCore
import NIOSSL

/// Whom a client of https and wss believes.
public enum SocketIOTLS: Sendable, Hashable {
  /// The certificate authorities of the system; the certificate must name the host of the URL.
  case system
  /// Only the authorities, or the self-signed certificate, in this PEM file; the certificate must name the host of the URL.
  case authority(pemFile: String)
  /// Anybody: neither the certificate's signer nor its name is checked. For throw-away servers.
  case insecure

  /// What NIOSSL needs; throws `tlsFailed` if the file is missing or holds no certificate.
  func context() throws(SocketIOError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    do {
      switch self {
      case .system: break
      case .authority(let file): configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
      case .insecure: configuration.certificateVerification = .none
      }
      return try NIOSSLContext(configuration: configuration)
    } catch {
      let file = if case .authority(let file) = self { file } else { "the system's certificates" }
      throw SocketIOError(
        .tlsFailed, "\(file) cannot be used as certificate authority", evidence: ["\(error)"],
        next: "it must be a readable file with certificates in PEM form", underlying: error)
    }
  }
}

extension SocketIOError {
  /// The error for what NIOSSL throws while a connection is made; nil for what is not TLS's.
  static func tls(_ error: any Error, _ endpoint: SocketIOEndpoint) -> SocketIOError? {
    guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else { return nil }
    let text = "\(error)"
    let next: String =
      if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
        "that port may not speak TLS: try http:// or ws://"
      } else if text.contains("CERTIFICATE_VERIFY_FAILED") {
        "give the certificate's authority with tls: .authority(pemFile:)"
      } else if error is NIOSSLExtraError {
        "use the host name that the certificate names"
      } else {
        "look at the certificate: openssl s_client -connect \(endpoint.host):\(endpoint.port)"
      }
    return SocketIOError(
      .tlsFailed, "no TLS with \(endpoint.authority)", evidence: [text], next: next, underlying: error)
  }
}
