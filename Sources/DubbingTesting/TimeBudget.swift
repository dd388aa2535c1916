/// How long each step of a run may take; the defaults come from measurements of Whisper-small + API translation + Coqui on a CPU.
public struct TimeBudget: Sendable, Hashable {
  /// Length of one fragment that the worker cuts.
  public var segment: Duration = .seconds(6)
  /// From `up` to every service healthy.
  public var health: Duration = .seconds(60)
  /// From `fragment:data` to its `fragment:processed`.
  public var fragment: Duration = .seconds(30)
  /// From the first published packet to the end of the output, for a 30 s fixture.
  public var pipeline: Duration = .seconds(180)

  /// The times that hold unless a stack says otherwise.
  public init() {}

  /// The same.
  public static let standard = TimeBudget()
}

extension Duration {
  /// The duration in seconds, as a floating point number.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  /// The duration in milliseconds, as a floating point number.
  package var milliseconds: Double { seconds * 1000 }
}
