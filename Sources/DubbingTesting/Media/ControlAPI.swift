import ComposeKit
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// The media server's control API (MediaMTX v3): which paths exist and are ready.
package struct ControlAPI: Sendable {
  /// Where the API answers.
  package var endpoint: Endpoint

  /// An API at an address on this host.
  package init(endpoint: Endpoint) { self.endpoint = endpoint }

  /// A path on the media server. Newer servers say `available` or `online` where older ones say `ready`: either counts.
  package struct Path: Sendable, Hashable, Decodable {
    /// As in the URL, without a leading slash.
    package var name: String
    /// Whether it can be played.
    package var isReady: Bool
    /// The codecs, as the server calls them.
    package var tracks: [String]
    /// How many read it.
    package var readers: Int

    private struct Reader: Decodable {}
    enum CodingKeys: String, CodingKey { case name, ready, available, online, tracks, readers }

    /// Reads an item of the paths list.
    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      name = try container.decode(String.self, forKey: .name)
      let flags = try [CodingKeys.ready, .available, .online].compactMap {
        try container.decodeIfPresent(Bool.self, forKey: $0)
      }
      isReady = flags.contains(true)
      tracks = try container.decodeIfPresent([String].self, forKey: .tracks) ?? []
      readers = try container.decodeIfPresent([Reader].self, forKey: .readers)?.count ?? 0
    }
  }

  private struct List: Decodable {
    var pageCount: Int?
    var items: [Path]
  }

  /// Every path that has a publisher.
  package func paths() async throws -> [Path] {
    try await Self.paths { page in
      let url = "http://\(endpoint)/v3/paths/list?page=\(page)"
      let (status, body) = try await HTTP.get(url, timeout: .seconds(5))
      guard status == 200 else { throw DubbingError(get: url, reason: "status \(status)") }
      return body
    }
  }

  /// Reads page after page, counted from 0: a server lists 100 paths at once.
  package static func paths(page: (Int) async throws -> Data) async throws -> [Path] {
    var found: [Path] = []
    var next = 0
    while true {
      let list = try await JSONDecoder().decode(List.self, from: page(next))
      found += list.items
      next += 1
      guard next < list.pageCount ?? 1, !list.items.isEmpty else { return found }
    }
  }

  /// One path; nil when the server has none of that name.
  package func path(_ name: String) async throws -> Path? {
    let url = "http://\(endpoint)/v3/paths/get/\(name)"
    let (status, body) = try await HTTP.get(url, timeout: .seconds(5))
    if status == 404 { return nil }
    guard status == 200 else { throw DubbingError(get: url, reason: "status \(status)") }
    return try JSONDecoder().decode(Path.self, from: body)
  }

  /// Measures how long after a path was ready its first reader attached; nil when there was none until the deadline.
  ///
  /// The server offers no events, so this asks every 50 ms, and the answer is as exact as that.
  func firstReader(of name: String, within timeout: Duration) async throws -> Duration? {
    let clock = ContinuousClock()
    let deadline = clock.now + timeout
    var ready: ContinuousClock.Instant?
    while clock.now < deadline {
      let path = try await recentPaths().first { $0.name == name }
      let now = clock.now
      if path?.isReady == true { ready = ready ?? now }
      if let ready, let path, path.readers > 0 { return ready.duration(to: now) }
      try await Task.sleep(for: RecentPaths.interval)
    }
    return nil
  }

  /// Waits until a path is ready, or gone.
  ///
  /// The server offers no events, so this asks every 50 ms.
  /// - Throws: ``DubbingError`` at the deadline, with the paths that there were.
  package func wait(for name: String, toBeReady wanted: Bool = true, timeout: Duration) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + timeout
    var last: [Path] = []
    while true {
      last = try await recentPaths()
      if last.contains(where: { $0.name == name && $0.isReady }) == wanted { return }
      guard clock.now < deadline else { break }
      try await Task.sleep(for: RecentPaths.interval)
    }
    let list = last.map { "\($0.name) \($0.isReady ? "ready" : "not ready")" }.joined(separator: ", ")
    throw DubbingError(
      .pathNotReady, stream: name,
      reason: "the path \(wanted ? "did not become ready" : "did not go away") within \(timeout.text)",
      evidence: ["paths     \(list.isEmpty ? "none" : list)"],
      next: wanted
        ? "look at the worker's log: it publishes this path" : "a publisher was left behind: look for ffmpeg processes")
  }
}

extension ControlAPI {
  private func recentPaths() async throws -> [Path] {
    try await RecentPaths.shared.paths(of: endpoint) { try await paths() }
  }
}

/// What each server listed last, for all who wait for something on it: however many they are, it is asked about once in each interval.
package actor RecentPaths {
  static let shared = RecentPaths()
  package static let interval = Duration.milliseconds(50)
  /// Who asked for an answer finds it out of date one interval later.
  private static let validity = Duration.milliseconds(40)

  private var answers: [Endpoint: (asked: ContinuousClock.Instant, paths: [ControlAPI.Path])] = [:]

  /// One that has asked nobody yet.
  package init() {}

  /// What the server lists, asked now or just before.
  ///
  /// - Parameters:
  ///   - server: whose paths are wanted.
  ///   - now: when.
  ///   - ask: asks the server.
  /// - Throws: what `ask` throws.
  package func paths(
    of server: Endpoint, at now: ContinuousClock.Instant = .now, ask: @Sendable () async throws -> [ControlAPI.Path]
  ) async throws -> [ControlAPI.Path] {
    if let answer = answers[server], answer.asked.duration(to: now) < Self.validity { return answer.paths }
    let paths = try await ask()
    answers[server] = (now, paths)
    return paths
  }
}

/// Plain GET requests, for health endpoints and the control API.
enum HTTP {
  static func get(_ url: String, timeout: Duration) async throws -> (status: Int, body: Data) {
    guard let address = URL(string: url) else { throw DubbingError(get: url, reason: "not a URL") }
    let request = URLRequest(url: address, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: timeout.seconds)
    do {
      let (body, response) = try await URLSession.shared.answer(to: request)
      return ((response as? HTTPURLResponse)?.statusCode ?? 0, body)
    } catch let error as URLError {
      throw DubbingError(get: url, reason: "no answer (\(error.code.rawValue): \(error.localizedDescription))")
    }
  }
}
