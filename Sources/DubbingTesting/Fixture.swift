import Foundation
import Testing

/// A media file to publish and what its dubbing must look like: one folder with `fixture.json` and `media.mp4`.
public struct Fixture: Sendable, Hashable, Codable {
  /// The picture of a media file.
  package struct Video: Sendable, Hashable, Codable {
    /// As ffprobe calls it, such as `h264`.
    package var codec: String
    /// Pixels.
    package var width: Int
    /// Pixels.
    package var height: Int
    /// Frames per second.
    package var fps: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case codec, width, height, fps }
  }

  /// The sound of a media file.
  package struct Audio: Sendable, Hashable, Codable {
    /// As ffprobe calls it, such as `aac`.
    package var codec: String
    /// Samples per second.
    package var sampleRate: Int
    /// 1 is mono, 2 is stereo.
    package var channels: Int

    enum CodingKeys: String, CodingKey, CaseIterable {
      case codec
      case sampleRate = "sample_rate"
      case channels
    }
  }

  /// The folder's name.
  public var name: String
  package var description: String
  /// Seconds.
  public var duration: Double
  /// Its picture; nil: it has none.
  package var video: Video?
  /// Its sound; nil: it has none.
  package var audio: Audio?
  /// What is spoken in it, such as `en`.
  public var sourceLanguage: String
  /// What it is to be dubbed into, such as `es`.
  public var targetLanguage: String
  /// One transcript for each fragment, in plain lower-case words; nil when the words are not known.
  public var expectedTranscripts: [String]?
  /// Share of the expected words that may be wrong, over all fragments together, 0…1; nil: none.
  public var maxWordErrorRate: Double?
  /// What must come out; ``StreamOutcome/dubbed`` where nothing is said.
  public var expectedOutcome: StreamOutcome
  /// Which suites publish it.
  public var tags: [String]
  /// What differs where STS says that it recognises speech with the engine of that name.
  package var heardBy: [String: Expectation]?

  /// What a fixture expects of one recogniser; nil: as of any other.
  package struct Expectation: Sendable, Hashable, Codable {
    /// In the place of ``Fixture/maxWordErrorRate``.
    package var maxWordErrorRate: Double?
    /// In the place of ``Fixture/expectedTranscripts``.
    package var expectedTranscripts: [String]?
    /// In the place of ``Fixture/expectedOutcome``.
    package var expectedOutcome: StreamOutcome?

    package init(
      maxWordErrorRate: Double? = nil, expectedTranscripts: [String]? = nil, expectedOutcome: StreamOutcome? = nil
    ) {
      self.maxWordErrorRate = maxWordErrorRate
      self.expectedTranscripts = expectedTranscripts
      self.expectedOutcome = expectedOutcome
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
      case maxWordErrorRate = "max_word_error_rate"
      case expectedTranscripts = "expected_transcripts"
      case expectedOutcome = "expected_outcome"
    }
  }

  /// The folder that the fixture was read from; not part of the JSON.
  public var folder = URL(filePath: ".")

  enum CodingKeys: String, CodingKey, CaseIterable {
    case name, description, duration, video, audio, tags
    case sourceLanguage = "source_language"
    case targetLanguage = "target_language"
    case expectedTranscripts = "expected_transcripts"
    case maxWordErrorRate = "max_word_error_rate"
    case expectedOutcome = "expected_outcome"
    case heardBy = "heard_by"
  }

  /// The same with what it expects of a recogniser; the name is the one that STS tells.
  package func heard(by recogniser: String?) -> Fixture {
    guard let recogniser, let expectation = heardBy?[recogniser] else { return self }
    var changed = self
    changed.maxWordErrorRate = expectation.maxWordErrorRate ?? maxWordErrorRate
    changed.expectedTranscripts = expectation.expectedTranscripts ?? expectedTranscripts
    changed.expectedOutcome = expectation.expectedOutcome ?? expectedOutcome
    return changed
  }

  /// The media file that is published.
  public var media: URL { folder.appending(path: "media.mp4") }

  /// Without audio there is nothing to dub: a worker is expected to refuse the stream.
  package var canBeDubbed: Bool { audio != nil }

  /// How many fragments a worker cuts from this fixture at the given fragment length; none where there is no audio.
  package func fragmentCount(segment: Duration = TimeBudget.standard.segment) -> Int {
    guard canBeDubbed else { return 0 }
    // A tail of less than a codec frame is rounding of the container, not a fragment.
    return Int(((duration - 0.05) / segment.seconds).rounded(.down)) + 1
  }
}

extension Fixture {
  /// What a fixture does not say is that it is to be dubbed.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try container.decode(String.self, forKey: .name),
      description: try container.decode(String.self, forKey: .description),
      duration: try container.decode(Double.self, forKey: .duration),
      video: try container.decodeIfPresent(Video.self, forKey: .video),
      audio: try container.decodeIfPresent(Audio.self, forKey: .audio),
      sourceLanguage: try container.decode(String.self, forKey: .sourceLanguage),
      targetLanguage: try container.decode(String.self, forKey: .targetLanguage),
      expectedTranscripts: try container.decodeIfPresent([String].self, forKey: .expectedTranscripts),
      maxWordErrorRate: try container.decodeIfPresent(Double.self, forKey: .maxWordErrorRate),
      expectedOutcome: try container.decodeIfPresent(StreamOutcome.self, forKey: .expectedOutcome) ?? .dubbed,
      tags: try container.decode([String].self, forKey: .tags))
    heardBy = try container.decodeIfPresent([String: Expectation].self, forKey: .heardBy)
  }
}

extension Fixture: CustomTestStringConvertible {
  public var testDescription: String { name }
}

extension Fixture {
  /// Reads `fixture.json` in a folder.
  ///
  /// - Throws: ``DubbingError`` that names the folder and what is wrong with it.
  public static func load(_ folder: URL) throws -> Fixture {
    let json = folder.appending(path: "fixture.json")
    guard let data = FileManager.default.contents(atPath: json.path) else {
      throw DubbingError(
        folder: folder, problems: ["there is no readable fixture.json"],
        next: "folders beside it: \(folderNames(in: folder.deletingLastPathComponent()).joined(separator: ", "))")
    }
    // What is no JSON is the decoder's to say.
    let document = (try? JSONSerialization.jsonObject(with: data)) ?? [:]
    if let unknown = UnknownKey(in: document, keys: keys) {
      throw DubbingError(
        folder: folder, problems: ["fixture.json: the key \(unknown.place) is unknown"],
        next: "known here are \(unknown.known.joined(separator: ", "))")
    }
    do {
      var fixture = try JSONDecoder().decode(Fixture.self, from: data)
      fixture.folder = folder
      return fixture
    } catch let error as DecodingError {
      throw DubbingError(
        folder: folder, problems: ["fixture.json: \(error.sentence)"],
        next: "compare with fixtures/counting/fixture.json")
    }
  }

  /// The keys that an object at some place of `fixture.json` may have.
  private static func keys(at path: [String]) -> [String]? {
    switch path.first {
    case nil: CodingKeys.allCases.map(\.rawValue)
    case "video" where path.count == 1: Video.CodingKeys.allCases.map(\.rawValue)
    case "audio" where path.count == 1: Audio.CodingKeys.allCases.map(\.rawValue)
    // By the names of recognisers.
    case "heard_by" where path.count == 2: Expectation.CodingKeys.allCases.map(\.rawValue)
    default: nil
    }
  }

  /// The fixture of that name.
  ///
  /// - Parameters:
  ///   - name: its folder's.
  ///   - folder: nil: ``DubbingSettings/fixtures`` of this process.
  /// - Throws: ``DubbingError`` when there is none, or its description cannot be read.
  public static func named(_ name: String, in folder: URL? = nil) throws -> Fixture {
    try load((folder ?? DubbingSettings.current.fixtures).appending(path: name))
  }

  /// Every fixture that carries the tag, in the order of their names.
  ///
  /// A folder that cannot be read is an error when its test runs, so it is returned as a fixture that fails ``check(segment:)``
  /// rather than being left out.
  ///
  /// - Parameters:
  ///   - tag: nil: whatever they carry.
  ///   - folder: nil: ``DubbingSettings/fixtures``, which a suite gives when it begins. The arguments of a test are asked for before
  ///     that: where a suite gives another folder than the usual one, give it here too.
  public static func all(tagged tag: String? = nil, in folder: URL? = nil) -> [Fixture] {
    let root = folder ?? DubbingSettings.current.fixtures
    return folderNames(in: root).map { name in
      let folder = root.appending(path: name)
      return (try? load(folder)) ?? .unreadable(folder)
    }.filter { tag == nil || $0.tags.contains(tag ?? "") || $0.isUnreadable }
  }

  private static func folderNames(in root: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    return names.sorted().filter { name in
      var isFolder: ObjCBool = false
      let path = root.appending(path: name).path
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        && !name.hasPrefix(".")
    }
  }

  private static func unreadable(_ folder: URL) -> Fixture {
    var fixture = Fixture(
      name: folder.lastPathComponent, description: "", duration: 0, video: nil, audio: nil, sourceLanguage: "",
      targetLanguage: "", expectedTranscripts: nil, maxWordErrorRate: nil, expectedOutcome: .failed, tags: [])
    fixture.folder = folder
    return fixture
  }

  private var isUnreadable: Bool { duration == 0 && sourceLanguage.isEmpty }
}

extension Fixture {
  /// Compares every fixture of ``DubbingSettings/fixtures`` with its file, so that nothing is started for one that cannot be used.
  ///
  /// Each is read once, see ``ProbeCache``. Whether its words are as many as its fragments depends on the worker: ``check(segment:)`` asks.
  /// - Throws: ``DubbingError`` of the first that cannot be used.
  package static func checkAll(_ fixtures: [Fixture] = all()) async throws {
    // A program for each, as many at once as there are cores; the first of the list is the one that is complained of.
    let places = ConcurrencyLimit(limit: ConcurrencyLimit.cores)
    try await withThrowingTaskGroup(of: (Int, DubbingError?).self) { group in
      for (index, fixture) in fixtures.enumerated() {
        group.addTask {
          do {
            try await places.withPlace { _ in
              try await fixture.requireUsable { fixture, media in Fixture.differences(declared: fixture, found: media) }
            }
          } catch let error as DubbingError {
            return (index, error)
          }
          return (index, nil)
        }
      }
      var problems: [Int: DubbingError] = [:]
      for try await (index, problem) in group { problems[index] = problem }
      await ProbeCache.ofThisUser.keep()
      if let first = problems.keys.min(), let problem = problems[first] { throw problem }
    }
  }

  /// Compares the declaration with the media file.
  ///
  /// - Parameter segment: length of the fragments that the worker under test cuts.
  /// - Throws: ``DubbingError`` with every difference at once, or when the file is not media or ffprobe is missing.
  public func check(segment: Duration = TimeBudget.standard.segment) async throws {
    try await requireUsable { fixture, media in
      var problems = fixture.declarationProblems(segment) + Fixture.differences(declared: fixture, found: media)
      for recogniser in (fixture.heardBy ?? [:]).keys.sorted() {
        let more = fixture.heard(by: recogniser).declarationProblems(segment)
        problems += more.filter { !problems.contains($0) }.map { "heard_by \(recogniser): \($0)" }
      }
      return problems
    }
  }

  private func requireUsable(_ problems: (Fixture, MediaInfo) -> [String]) async throws {
    if isUnreadable { _ = try Fixture.load(folder) }
    guard FileManager.default.isReadableFile(atPath: media.path) else {
      throw DubbingError(
        folder: folder, problems: ["media.mp4 is missing"],
        next: "put the recording there under that name; this package's own are made anew by fixtures/make.sh")
    }
    let problems = problems(self, try await FixtureAnalysis.shared.media(of: self).info())
    guard problems.isEmpty else {
      throw DubbingError(folder: folder, problems: problems, next: "mend fixture.json or make media.mp4 anew")
    }
  }

  private func declarationProblems(_ segment: Duration) -> [String] {
    var problems: [String] = []
    if name != folder.lastPathComponent {
      problems.append("name is '\(name)', the folder is '\(folder.lastPathComponent)'")
    }
    if !canBeDubbed, ![.failed, .refused].contains(expectedOutcome) {
      problems.append("there is no audio to dub: expected_outcome can only be 'failed' or 'refused'")
    }
    if let rate = maxWordErrorRate, !(0...1).contains(rate) || expectedTranscripts == nil {
      problems.append("max_word_error_rate is \(rate): it is a share, 0…1, of the words in expected_transcripts")
    }
    let count = fragmentCount(segment: segment)
    if let transcripts = expectedTranscripts, transcripts.count != count {
      problems.append(
        "expected_transcripts has \(transcripts.count) entries, \(duration) s make \(count) fragments of \(segment.text)"
      )
    }
    return problems
  }

  static func differences(declared: Fixture, found: MediaInfo) -> [String] {
    var problems: [String] = []
    func compare<T: Equatable>(_ what: String, _ declared: T?, _ found: T?) {
      guard declared != found else { return }
      let text = { (value: T?) in value.map { "\($0)" } ?? "none" }
      problems.append("\(what): fixture.json says \(text(declared)), media.mp4 has \(text(found))")
    }
    compare("video codec", declared.video?.codec, found.video?.codec)
    compare("width", declared.video?.width, found.video?.width)
    compare("height", declared.video?.height, found.video?.height)
    compare("audio codec", declared.audio?.codec, found.audio?.codec)
    compare("sample_rate", declared.audio?.sampleRate, found.audio?.sampleRate)
    compare("channels", declared.audio?.channels, found.audio?.channels)
    if abs(declared.duration - found.duration) > 0.1 {
      problems.append("duration: fixture.json says \(declared.duration) s, media.mp4 has \(found.duration) s")
    }
    return problems
  }
}
