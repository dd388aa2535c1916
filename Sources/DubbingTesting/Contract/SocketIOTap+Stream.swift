import SocketIOLite

extension SocketIOTap {
  /// Everything recorded so far on the connections that opened the stream.
  ///
  /// A worker may carry several streams over one connection: ``StreamEvents`` then picks the stream's own events.
  func records(of stream: String) -> [TapRecord] {
    let all = records().filter { $0.kind == .event }
    let connections = Set(
      all.filter { record in
        guard record.event.name == "stream:init", let start = try? record.event.decode(StreamInit.self) else {
          return false
        }
        return start.streamID == stream
      }.map(\.connection))
    return all.filter { connections.contains($0.connection) }
  }
}
