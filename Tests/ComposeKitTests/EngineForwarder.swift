import Foundation
import Subprocess
import Testing

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// The machine's engine behind a TCP port of 127.0.0.2, which is by its name not this host.
enum EngineForwarder {
  /// Prints the port. A connection on which the engine has said nothing for $1 seconds is closed, as many proxies do; 0 means never. The
  /// engine's clock is $2 hours ahead, as far as it says its time.
  private static let script = """
    import datetime, re, socket, socketserver, sys, threading
    idle, ahead = float(sys.argv[1]) or None, datetime.timedelta(hours=float(sys.argv[2]))
    def shifted(match):
        time = datetime.datetime.fromisoformat(match[2].decode()) + ahead
        return match[1] + time.isoformat().encode()
    class Forward(socketserver.BaseRequestHandler):
        def handle(self):
            engine = socket.socket(socket.AF_UNIX)
            engine.connect("/var/run/docker.sock")
            engine.settimeout(idle)
            def copy(source, target):
                try:
                    while data := source.recv(65536):
                        if ahead:
                            data = re.sub(rb'("SystemTime":")([0-9T:-]{19})', shifted, data)
                        target.sendall(data)
                except TimeoutError:
                    self.request.shutdown(socket.SHUT_RDWR)
                try:
                    target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            back = threading.Thread(target=copy, args=(engine, self.request), daemon=True)
            back.start()
            copy(self.request, engine)
            back.join()
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        def handle_error(self, *_): pass
    server = Server(("127.0.0.2", 0), Forward)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """

  /// Runs `body` with the address of the forwarded engine.
  static func with(
    idleSeconds: Double = 0, hoursAhead: Double = 0,
    _ body: @escaping @Sendable (_ address: String) async throws -> Void
  ) async throws {
    var platform = PlatformOptions()
    platform.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(1))]
    _ = try await Subprocess.run(
      .name("python3"), arguments: ["-c", script, "\(idleSeconds)", "\(hoursAhead)"],
      platformOptions: platform, input: .none,
      output: .sequence, error: .discarded
    ) { execution in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let port = try #require(try await lines.next(), "the forwarder did not say its port")
      defer { try? execution.send(signal: .terminate) }
      try await body("tcp://127.0.0.2:\(port.trimmingCharacters(in: .whitespacesAndNewlines))")
    }
  }
}
