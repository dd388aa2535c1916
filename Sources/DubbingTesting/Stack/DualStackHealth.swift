import Foundation

extension DualStackEnvironment {
  /// How one published port answers.
  package struct Health: Sendable, Hashable {
    /// The role's name.
    package var name: String
    /// What was asked.
    package var url: String
    /// Whether the answer is that of a service that is well.
    package var isHealthy: Bool
    /// What came back.
    package var answer: String
  }

  /// Asks every port that can be asked: by HTTP where there is a health path, RTSP and RTMP for a path that does not exist.
  package func health() async -> [Health] {
    await withTaskGroup(of: Health?.self) { group in
      for role in endpoints.keys { group.addTask { await health(of: role) } }
      return await group.reduce(into: []) { found, health in if let health { found.append(health) } }
        .sorted { $0.name < $1.name }
    }
  }

  private func health(of role: DualStack.Role) async -> Health? {
    // Only a server that speaks the protocol can say that it has no such stream.
    switch role {
    case .rtsp:
      return await refusal(role.name, inputURL(of: "no-such-stream", over: .rtsp)) { $0.contains("404") }
    case .rtmp: return await refusal(role.name, outputURL(of: "no-such-stream"), isRefusal: Self.refusesInRTMP)
    default:
      guard let path = stack.healthPath(of: role) else { return nil }
      return await http(role.name, "http://\(self[role])\(path)")
    }
  }

  private func http(_ name: String, _ url: String) async -> Health {
    do {
      let (status, body) = try await HTTP.get(url, timeout: .seconds(5))
      return Health(
        name: name, url: url, isHealthy: status == 200,
        answer: "\(status) \(String(decoding: body.prefix(200), as: UTF8.self))")
    } catch {
      return Health(name: name, url: url, isHealthy: false, answer: "\(error)")
    }
  }

  /// Whether ffprobe's words about a stream that nobody publishes are due to a server that speaks RTMP.
  ///
  /// MediaMTX just closes the connection, of which ffprobe says an input error and nothing else; other servers say `NetStream.Play.…`.
  /// Before that it would have complained about the connection or the handshake.
  package static func refusesInRTMP(_ words: String) -> Bool {
    if words.contains("Server error: NetStream.Play.") { return true }
    let noServer = ["Cannot open connection", "handshake", "Server response validating failed"]
    return ["Input/output error", "End of file"].contains(where: words.contains)
      && !noServer.contains(where: words.contains)
  }

  private func refusal(_ name: String, _ url: String, isRefusal: (String) -> Bool) async -> Health {
    do {
      _ = try await MediaInfo.probe(url)
      return Health(name: name, url: url, isHealthy: false, answer: "a stream that nobody publishes can be played")
    } catch {
      return Health(name: name, url: url, isHealthy: isRefusal("\(error)"), answer: "\(error)")
    }
  }
}
