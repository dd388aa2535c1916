import ComposeKit
import DubbingTesting
import Foundation
import Subprocess
import Testing

/// The compose files that are laid over the standard ones, read by compose itself.
///
/// Their images cannot be had everywhere; what is asked here needs none of them.
@Suite("Compose files", .kind(.containers))
struct ComposeFilesEngineTests {
  private struct Document: Decodable {
    struct Service: Decodable {
      struct Build: Decodable { var target: String? }
      struct Volume: Decodable { var source: String?, target: String, readOnly: Bool? }
      struct HealthCheck: Decodable { var disable: Bool?, startPeriod: String? }
      var image: String?
      var build: Build?
      var user: String?
      var readOnly: Bool?
      var memLimit: String?
      var capDrop: [String]?
      var environment: [String: String?]?
      var volumes: [Volume]?
      var healthcheck: HealthCheck?
    }
    struct Volume: Decodable { var name: String?, external: Bool? }
    var services: [String: Service]
    var volumes: [String: Volume]?
  }

  private static let folder = FileManager.default.currentDirectoryPath + "/compose"

  /// What `compose config` makes of the files.
  private static func merged(_ files: [String], _ environment: [String: String] = [:]) async throws -> Document {
    let engine = try await ComposeEngine.detect()
    let arguments = engine.command.dropFirst() + files.flatMap { ["-f", $0] } + ["config", "--format", "json"]
    var variables: [Environment.Key: String?] = [:]
    for (key, value) in environment { variables[Environment.Key(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
      .name(engine.command[0]), arguments: Arguments(Array(arguments)), environment: .inherit.updating(variables),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      throw DubbingError(stream: "none", reason: result.standardError, next: "look at \(files)")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Document.self, from: Data(result.standardOutput.utf8))
  }

  private static func files(_ name: String, _ variant: String?) -> [String] {
    ["\(folder)/\(name).yml"] + (variant.map { ["\(folder)/\(name).\($0).yml"] } ?? [])
  }

  @Test("With media.mediamtx.yml the image is MediaMTX's: pulled, never built from the relay; the worker stays")
  func mediaMTX() async throws {
    let document = try await Self.merged(Self.files("media", "mediamtx"))
    let server = try #require(document.services["mediamtx"])
    #expect(server.image?.hasPrefix("bluenviron/mediamtx:") == true)
    #expect(server.build == nil, "compose would tag a relay with MediaMTX's name")
    #expect(server.healthcheck == nil, "with `disable: true`, `compose up --wait` ends with 1")
    let volume = try #require(server.volumes?.first)
    #expect(volume.target == "/mediamtx.yml" && volume.readOnly == true)
    #expect(FileManager.default.fileExists(atPath: volume.source ?? ""))
    #expect(server.user == "10001:10001")
    #expect(document.services["worker"]?.image == "e2e-worker:local")
  }

  @Test("An image of MediaMTX that cannot be pulled is an error that names it, before anything is started")
  func mediaMTXCannotBePulled() async throws {
    var media = ComposeProject(name: "e2e-media-unpulled", files: Self.files("media", "mediamtx"))
    media.environment = ["MEDIAMTX_IMAGE": "localhost:1/mediamtx:none"]
    var options = UpOptions()
    options.services = ["mediamtx"]
    let error = await #expect(throws: ComposeError.self) {
      try await withComposeStack(media, options: options) { _ in }
    }
    #expect(error?.code == .pullFailed)
    #expect(error?.summary.contains("localhost:1/mediamtx:none of mediamtx") == true, "\(String(describing: error))")
  }

  @Test("With sts.models.yml the engines are neural, their weights lie in the image, and its memory is bounded")
  func models() async throws {
    let service = try #require(try await Self.merged(Self.files("sts", "models")).services["sts"])
    #expect(service.image == "e2e-sts-models:local" && service.build?.target == "models")
    let environment = try #require(service.environment)
    #expect(["STS_ASR", "STS_MT", "STS_TTS"].map { environment[$0] } == ["whisper", "apertium", "kokoro"])
    #expect(environment["STS_WHISPER_MODEL"] == "/models/whisper-base" && environment["HF_HUB_OFFLINE"] == "1")
    #expect(service.volumes?.isEmpty ?? true)
    #expect(service.memLimit == "\(900 << 20)")
  }

  @Test("With sts.hub.yml the providers are the ones of a hub; weights lie in a volume that no run removes")
  func hub() async throws {
    let key = "key-\(UUID().uuidString)"
    let document = try await Self.merged(Self.files("sts", "hub"), ["GOOGLE_TRANSLATE_API_KEY": key])
    let service = try #require(document.services["sts"])
    #expect(service.image == "e2e-sts-hub:local" && service.build?.target == "hub")
    let environment = try #require(service.environment)
    #expect(["STS_ASR", "STS_MT", "STS_TTS"].map { environment[$0] } == ["whisper", "google", "coqui"])
    #expect(environment["STS_WHISPER_MODEL"] == "small" && environment["HF_HUB_OFFLINE"] == "1")
    #expect(environment["GOOGLE_TRANSLATE_API_KEY"] == key)
    #expect(service.healthcheck?.startPeriod == "1m0s")
    #expect(service.volumes?.map(\.target) == ["/models"])
    #expect(document.volumes?["models"]?.external == true)
    let slim = try await Self.merged(Self.files("sts", nil))
    #expect(slim.services["sts"]?.image == "e2e-sts:local" && slim.services["sts"]?.build?.target == "sts")
  }

  @Test(
    "Every service runs with a read-only root and without capabilities",
    arguments: [("media", nil), ("media", "mediamtx"), ("sts", nil), ("sts", "models"), ("sts", "hub")])
  func locked(name: String, variant: String?) async throws {
    let document = try await Self.merged(Self.files(name, variant))
    for (service, description) in document.services {
      #expect(description.readOnly == true, "\(service)")
      #expect(description.capDrop == ["ALL"], "\(service)")
    }
  }

  @Test("The images that are built run as an ordinary user", arguments: ["relay", "worker", "sts"])
  func ordinaryUser(folder: String) throws {
    let text = try String(contentsOfFile: "\(Self.folder)/\(folder)/Dockerfile", encoding: .utf8)
    // The last of each stage counts; stages begin with FROM.
    let stages = text.split(separator: /\n(?=FROM )/).filter { $0.hasPrefix("FROM ") }
    #expect(!stages.isEmpty)
    for stage in stages {
      let users = stage.split(separator: "\n").filter { $0.hasPrefix("USER ") }
      #expect(users.last.map { $0 != "USER root" } == true, "compose/\(folder)/Dockerfile: \(stage.prefix(40))")
    }
  }
}
