import ComposeKit
import SocketIOLite

extension SocketIOTap {
  /// Waits until somebody has connected, ever.
  ///
  /// - Returns: false when nobody has until the deadline.
  package func isConnected(within time: Duration) async throws -> Bool {
    let first = queue(named: "the worker's connection", capacity: 1) { _ in true }
    if wasConnected { return true }
    do {
      _ = try await first.next(timeout: time)
      return true
    } catch is EventQueue<TapRecord>.Timeout {
      return wasConnected
    }
  }

  /// Somebody who connects and is not understood is an anomaly, and no record.
  private var wasConnected: Bool {
    struct Found: Error {}
    do { try forEachRecord { _ in throw Found() } } catch { return true }
    return !anomalies().isEmpty
  }
}

extension DualStackEnvironment {
  /// Throws when nobody has ever connected to the tap although the worker has had its time: no event of any stream can come then.
  ///
  /// - Parameters:
  ///   - stream: whose turn it is.
  ///   - time: how long the worker may take from now.
  func requireConnection(for stream: String, within time: Duration) async throws {
    if try await tap.isConnected(within: time) { return }
    let worker = stack[.worker].service
    let log = (try? await media.logs(service: worker, tail: 12)) ?? "the log could not be read"
    let input = path(stack.inputPath, of: stream)
    throw stack.nobodyConnected(
      to: tapPlace.port ?? tap.port, for: stream, within: time, log: log, given: try? await media.given(to: worker),
      readers: (try? await controlAPI.path(input))?.readers, at: tapPlace, refused: tap.refusedPeers())
  }
}

extension DualStack {
  /// Where the worker was told to look for STS, what it said instead of coming, and what is the likeliest reason.
  ///
  /// - Parameters:
  ///   - given: what the worker's container has of variables and hosts; nil: that could not be seen.
  ///   - readers: how many read the stream's input; nil: that could not be seen.
  ///   - place: where the tap was for the containers; nil: at ``hostName``.
  ///   - refused: whose connections the tap has refused.
  package func nobodyConnected(
    to tap: Int, for stream: String, within time: Duration, log: String,
    given: (variables: [String], hosts: [String])? = nil, readers: Int? = nil, at place: TapPlace? = nil,
    refused: [String] = []
  ) -> DubbingError {
    let worker = self[.worker].service
    let host = place?.host(for: self) ?? hostName
    let address = workerEnvironment(tap: tap, host: host)[stsURLVariable] ?? ""
    let lines = log.split(whereSeparator: \.isNewline)
    let (reason, because, next) =
      place?.whyRefused(refused) ?? whyNobody(worker, address, host, stream, given, readers)
    return DubbingError(
      .nobodyConnected, stream: stream, reason: "nobody has connected to the tap within \(time.text): \(reason)",
      evidence: ["address   \(address), which \(worker) was to be given in \(stsURLVariable)"]
        + (because.map { ["because   \($0)"] } ?? [])
        + ["log       \(lines.isEmpty ? "\(worker) has said nothing" : "the last lines of \(worker):")"]
        + lines.map { "          \($0)" }, next: next)
  }

  /// What of the container and of the media server can be seen, from what is certain to what is a guess.
  private func whyNobody(
    _ worker: String, _ address: String, _ host: String, _ stream: String,
    _ given: (variables: [String], hosts: [String])?, _ readers: Int?
  ) -> (reason: String, because: String?, next: String) {
    if let given, !given.variables.contains(where: { $0.contains(address) }) {
      // Names only: an address may have a password in it.
      let names = given.variables.filter { $0.contains("://") }.map { String($0.prefix { $0 != "=" }) }.sorted()
      let others =
        names.isEmpty ? "none has any address" : "those that have another are \(names.joined(separator: ", "))"
      return (
        "\(worker) was not told where the tap is", "no variable of \(worker)'s container has that address; \(others)",
        "name the variable that the compose file of \(media.name) reads in \(key("sts_url_variable", "stsURLVariable")), "
          + "or have that file hand \(stsURLVariable) on to \(worker)"
      )
    }
    let isName = host.contains { $0.isLetter } && !host.contains(":")
    if let given, isName, !given.hosts.contains(where: { $0.hasPrefix(hostName + ":") }) {
      return (
        "\(worker) does not find STS there",
        "\(worker)'s container has no extra_hosts for \(hostName), which only Docker Desktop knows by itself",
        "say \(file == nil ? "addsExtraHosts = true" : "\"extra_hosts\": true in the stack file"), or "
          + "extra_hosts: [\"\(hostName):host-gateway\"] for \(worker) in the compose file of \(media.name)"
      )
    }
    if readers == 0 {
      return (
        "\(worker) has not begun with the stream",
        "nobody reads \(inputPath.replacing("{stream}", with: stream)), which is being published",
        "is that the path that \(worker) waits for? \(key("input_path", "inputPath")) says which it is"
      )
    }
    return (
      "\(worker) does not find STS there", nil,
      "does \(worker) call the address in \(stsURLVariable), and may its container reach the host (a firewall, such as ufw)? "
        + "COMPOSEKIT_KEEP=1 keeps it running, to try by hand"
    )
  }

  /// Why no output can come, where nobody was seen reading the input.
  func nobodyReads(_ path: String) -> String {
    "  because   nobody was seen reading \(path), which was published: \(key("input_path", "inputPath")) says where "
      + "\(self[.worker].service) looks"
  }

  /// How a setting is called where this stack was described.
  func key(_ key: String, _ property: String) -> String {
    file == nil ? "DualStack.\(property)" : "\"\(key)\" of the stack file"
  }
}
