/// How the video packets of an output follow those of its input, by payload hash.
public struct VideoMatch: Sendable, Hashable {
  /// Packets of the input and of the output.
  public var inputCount = 0
  public var outputCount = 0
  public var matched = 0
  /// Input packets before the first, after the last and between the first and last matched ones.
  public var missingHead = 0
  public var missingTail = 0
  public var missingInside = 0
  public var repeated = 0
  public var reordered = 0
  /// Output packets whose payload is not in the input: the video was touched.
  public var foreign = 0
  /// Decoding times that do not grow, and presentation times before their decoding times.
  public var nonMonotonic = 0
  public var presentedBeforeDecoded = 0
  /// Median of (output presentation time − input presentation time), seconds; nil when no packet matched.
  public var lag: Double?
  /// Largest minus smallest of those differences, seconds.
  public var jitter = 0.0

  public init() {}
}

extension VideoMatch {
  /// Follows the output packet by packet; equal payloads (a still picture) are matched to the next one that is due.
  public init(input: [MediaPacket], output: [MediaPacket]) {
    inputCount = input.count
    outputCount = output.count
    var indexes = Dictionary(grouping: input.indices, by: { input[$0].hash })
    let known = Set(indexes.keys)
    var last = -1
    var used: [Int] = []
    var lags: [Double] = []
    for packet in output {
      guard known.contains(packet.hash) else {
        foreign += 1
        continue
      }
      let unused = indexes[packet.hash] ?? []
      guard let index = unused.first(where: { $0 > last }) ?? unused.first else {
        repeated += 1
        continue
      }
      indexes[packet.hash]?.removeAll { $0 == index }
      if index < last { reordered += 1 }
      last = max(last, index)
      used.append(index)
      if let from = input[index].pts, let to = packet.pts { lags.append(to - from) }
    }
    matched = used.count
    count(gapsOf: used)
    count(timesOf: output)
    if let smallest = lags.min(), let largest = lags.max() {
      lag = lags.sorted()[lags.count / 2]
      jitter = largest - smallest
    }
  }

  private mutating func count(gapsOf used: [Int]) {
    guard let first = used.min(), let last = used.max() else {
      missingInside = inputCount
      return
    }
    missingHead = first
    missingTail = inputCount - 1 - last
    missingInside = last - first + 1 - used.count
  }

  private mutating func count(timesOf output: [MediaPacket]) {
    let decoding = output.compactMap(\.dts)
    nonMonotonic = zip(decoding, decoding.dropFirst()).count { $1 <= $0 }
    presentedBeforeDecoded = output.count { packet in
      guard let pts = packet.pts, let dts = packet.dts else { return false }
      return pts < dts - 0.0005
    }
  }
}
