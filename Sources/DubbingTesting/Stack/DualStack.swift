import ComposeKit
import Foundation

/// Two compose projects that dub live streams together: which files, and which service and port is what.
///
/// A team with its own two services describes them here and needs nothing else of this package but ``Testing/Trait/dualStack(_:on:settings:)``.
public struct DualStack: Sendable, Hashable {
  /// Media server and worker.
  public var media: ComposeProject
  /// The speech-to-speech service.
  public var sts: ComposeProject
  /// Which service and port is what.
  public var ports = standardPorts
  /// Only these services of both projects, those of ``ports``, and all that they depend on; every service if empty.
  public var services: [String] = []
  /// The variable that tells the worker where STS is; it gets the tap's address.
  public var stsURLVariable = "STS_SERVICE_URL"
  /// What that variable is set to; `{host}` and `{port}` are the tap's.
  public var stsURL = "http://{host}:{port}"
  /// The variable that tells the STS project the address on which containers reach the host: the docker bridge's gateway.
  public var gatewayVariable = "HOST_GATEWAY"
  /// What the worker's containers call the host.
  public var hostName = "host.docker.internal"
  /// Whether the worker is told where ``hostName`` is, by an override with `extra_hosts`: for compose files that do not say so.
  public var addsExtraHosts = false
  /// Path templates; `{stream}` is the stream's name.
  public var inputPath = "live/{stream}/in"
  /// Where the worker publishes what was dubbed; see ``inputPath``.
  public var outputPath = "live/{stream}/out"
  /// How long things may take.
  public var budget = TimeBudget.standard
  /// How worker and STS talk to each other.
  public var contract = Contract.standard
  /// How far a stream may be from perfect.
  public var tolerances = Tolerances.standard
  /// Whether the worker sends what is left at a stream's end and fills no fragment; nil: both are right, and the verdict says which.
  public var tail: FixtureCoverage.Tail?
  /// What is published around each fixture; nil: nothing.
  public var padding: FixturePadding?
  /// What the worker does to the picture; nil: that is seen, and untouched and encoded anew are both right.
  public var picture: VideoMatch.Treatment?
  /// How long a publisher waits with its first packet once the media server has the path; see ``StreamPublisher/lead``.
  public var publisherLead = StreamPublisher.standardLead
  /// How fast fixtures are published: 1 is in real time, 2 twice as fast, for services that can do with that.
  public var readRate = 1.0
  /// Questions of one's own about each stream, beside those of every verdict.
  public var checks: [StreamCheck] = []
  /// The file that this was read from.
  package var file: String?
  /// Why that file cannot be used: thrown when the stacks are to be started, so that a description can be a plain value.
  var problem: DubbingError?

  /// Two projects, whose services and ports are this package's own until they are said.
  public init(media: ComposeProject, sts: ComposeProject) {
    self.media = media
    self.sts = sts
  }

  /// The same stacks with a setting of the speech-to-speech service changed, such as `STS_ENGINE`.
  public func sts(_ variable: String, _ value: String) -> DualStack {
    var changed = self
    changed.sts.environment[variable] = value
    return changed
  }

  /// The same stacks with a setting of the media project changed, such as `AV_OFFSET_MS`.
  public func media(_ variable: String, _ value: String) -> DualStack {
    var changed = self
    changed.media.environment[variable] = value
    return changed
  }

  /// The same stacks, expected to cut fragments of this length.
  package func segment(_ duration: Duration) -> DualStack {
    var changed = self
    changed.budget.segment = duration
    return changed
  }
}
