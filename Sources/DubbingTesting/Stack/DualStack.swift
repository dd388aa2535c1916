import ComposeKit
import Foundation

/// Two compose projects that dub live streams together: which files, and which service and port is what.
///
/// A team with its own two services describes them here and needs nothing else of this package but ``Testing/Trait/dualStack(_:)``.
public struct DualStack: Sendable, Hashable {
  public var media: ComposeProject
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
  public var outputPath = "live/{stream}/out"
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
  /// The file that this was read from, see ``load(_:inherited:)``.
  var file: String?
  /// Why that file cannot be used: thrown when the stacks are to be started, so that a description can be a plain value.
  var problem: DubbingError?

  public init(media: ComposeProject, sts: ComposeProject) {
    self.media = media
    self.sts = sts
  }

  /// The two stacks that the file named by `E2E_STACK` describes; without it, this package's own.
  ///
  /// Ports are chosen by the engine, so that no second run on the host can meet them.
  /// `E2E_PORTS=fixed` publishes the contract's ports instead (8554, 1935, 9997, 8080, 3000); a port's own variable, such as
  /// `MEDIAMTX_RTSP_PORT`, always wins. `MEDIA_SERVER=mediamtx` lays `media.mediamtx.yml` over `media.yml` (MediaMTX instead of the
  /// relay), `STS_PROVIDERS=models` lays `sts.models.yml` over `sts.yml` (Whisper and Kokoro).
  public static var standard: DualStack {
    let inherited = ProcessInfo.processInfo.environment
    if let path = inherited["E2E_STACK"], !path.isEmpty { return read(URL(filePath: path)) }
    let fixed = inherited["E2E_PORTS"] == "fixed"
    func ports(_ variables: [String]) -> [String: String] {
      fixed ? [:] : Dictionary(uniqueKeysWithValues: variables.filter { inherited[$0] == nil }.map { ($0, "0") })
    }
    let folder = inherited["E2E_COMPOSE"] ?? FileManager.default.currentDirectoryPath + "/compose"
    var stack = DualStack(
      media: ComposeProject(
        name: "e2e-media-019", files: files(folder, "media", variant: inherited["MEDIA_SERVER"], standard: "relay"),
        environment: ports(["MEDIAMTX_RTSP_PORT", "MEDIAMTX_RTMP_PORT", "MEDIAMTX_API_PORT", "MEDIA_SERVICE_PORT"])),
      sts: ComposeProject(
        name: "e2e-sts-019", files: files(folder, "sts", variant: inherited["STS_PROVIDERS"], standard: "offline"),
        environment: ports(["STS_PORT"])))
    // Of this package's own worker more is known than can be seen of any.
    (stack.tail, stack.picture) = (.flushed, .untouched)
    return stack
  }

  /// The compose file, and the one that is laid over it. A variant without such a file is compose's error, which names the file.
  static func files(_ folder: String, _ name: String, variant: String?, standard: String) -> [String] {
    let base = "\(folder)/\(name).yml"
    guard let variant, !variant.isEmpty, variant != standard else { return [base] }
    return [base, "\(folder)/\(name).\(variant).yml"]
  }

  /// What a file describes, or a description that cannot be started and says why.
  static func read(_ file: URL) -> DualStack {
    do {
      return try load(file)
    } catch {
      let nothing = ComposeProject(name: "unusable", files: [])
      var stack = DualStack(media: nothing, sts: nothing)
      stack.problem = error
      return stack
    }
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
  public func segment(_ duration: Duration) -> DualStack {
    var changed = self
    changed.budget.segment = duration
    return changed
  }
}
