// What a worker makes of picture and time, in a stack file.

extension StackFile {
  /// What is published around each fixture, seconds.
  struct Padding: Decodable {
    var lead: Double?
    var tail: Double?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case lead = "lead_s"
      case tail = "tail_s"
    }
  }

  /// How far a stream may be from perfect.
  struct Bounds: Decodable {
    var avDelta: Double?
    var missedStart: Double?
    var duration: Double?
    var gap: Double?
    var videoJitter: Double?

    enum CodingKeys: String, CodingKey, CaseIterable {
      case avDelta = "av_delta_s"
      case missedStart = "missed_start_s"
      case duration = "duration_s"
      case gap = "gap_s"
      case videoJitter = "video_jitter_s"
    }
  }

  /// Puts what is said of picture, tail and bounds into a description.
  ///
  /// - Returns: what cannot be used, if anything.
  func describeMedia(in stack: inout DualStack) -> String? {
    stack.tail = tail
    stack.picture = picture
    var problem: String?
    func set(_ seconds: Double?, _ key: String, _ place: WritableKeyPath<DualStack, Duration>) {
      guard let seconds else { return }
      guard 0...600 ~= seconds else {
        problem = problem ?? "\(key) is \(seconds)"
        return
      }
      stack[keyPath: place] = .seconds(seconds)
    }
    set(tolerances?.avDelta, "tolerances.av_delta_s", \.tolerances.avDelta)
    set(tolerances?.missedStart, "tolerances.missed_start_s", \.tolerances.missedStart)
    set(tolerances?.duration, "tolerances.duration_s", \.tolerances.duration)
    set(tolerances?.gap, "tolerances.gap_s", \.tolerances.gap)
    set(tolerances?.videoJitter, "tolerances.video_jitter_s", \.tolerances.videoJitter)
    if let padding {
      let (lead, tail) = (padding.lead ?? 0, padding.tail ?? 0)
      guard 0...600 ~= lead, 0...600 ~= tail else { return "padding is \(lead) s and \(tail) s" }
      stack.padding = FixturePadding(lead: .seconds(lead), tail: .seconds(tail))
    }
    return problem
  }
}
