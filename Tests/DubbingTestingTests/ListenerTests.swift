import AudioPrint
import DubbingTesting
import Foundation
import Testing

@Suite("Listener", .kind(.programs), .inTurn)
struct ListenerTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "listener-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// Answers to two clips of a second, by a listener that is this script.
  private func heard(_ script: String) async throws -> [Int: [String]] {
    defer { try? FileManager.default.removeItem(at: folder) }
    let clip = try AudioClip(samples: Array(repeating: 0.25, count: 16000), sampleRate: 16000)
    return try await Listener(command: script).hear([3: clip, 0: clip], language: "es", folder: folder)
  }

  @Test("Clips go in as 16 bit PCM, one a line, and the words come out by their number")
  func conversation() async throws {
    // The language is the last argument of the function; the input's lines, and the length of the second one, are told as words.
    let script = #"""
      tell() { read -r one; read -r two; printf '{"id": 0, "text": "%s"}\n{"id": 3, "text": "%s"}\n' "$1 $2" "${#two}"; }; tell
      """#
    let heard = try await heard(script)
    #expect(heard[0] == ["--language es"])
    // 32,000 bytes are 42,668 signs of base64.
    #expect(Int(heard[3]?.first ?? "").map { $0 > 42_668 && $0 < 42_800 } == true, "\(heard)")
  }

  @Test(
    "A listener that fails, talks of something else or leaves a clip out is an error that says so",
    arguments: [
      ("listen() { echo no weights >&2; exit 3; }; listen", "failed: no weights"),
      ("listen() { echo hello; }; listen", "wrote what is no answer: hello"),
      (#"listen() { echo '{"id": 0, "text": ""}'; }; listen"#, "left clips out: 3"),
    ])
  func problem(script: String, reason: String) async throws {
    let error = await #expect(throws: DubbingError.self) { _ = try await heard(script) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test("A text with figures may be read in two ways")
  func readings() async throws {
    let heard = try await heard(
      #"""
      say() { echo '{"id": 0, "text": "mil ciento doce", "readings": ["once doce"]}'; echo '{"id": 3, "text": ""}'; }; say
      """#)
    #expect(heard == [0: ["mil ciento doce", "once doce"], 3: [""]])
  }

  @Test(
    "Of several readings the closest counts, of two alike the first",
    arguments: [
      ("once doce", ["mil ciento doce", "once doce"], "once doce"),
      ("mil ciento doce", ["mil ciento doce", "once doce"], "mil ciento doce"),
      ("Once, dóce", ["dos", "once doce"], "once doce"), ("nada", ["uno", "dos"], "uno"), ("nada", [], ""),
    ])
  func closest(said: String, readings: [String], heard: String) {
    #expect(WordErrorRate.closest(of: readings, to: said) == heard)
  }

  @Test("Accents are spelling; a fragment without a translation is not asked about")
  func comparison() {
    var evidence = HealthyRun.evidence
    evidence.events.fragments[0].answers[0].processed.translatedText = "Él está aquí"
    evidence.events.fragments[1].answers[0].processed.translatedText = ""
    evidence.heard = [0: "el esta aqui", 1: ""]
    #expect(evidence.dubErrorRate?.value == 0)
    evidence.heard?[0] = "el aqui"
    #expect(DubbingVerdict(evidence).dubErrorRate == 1.0 / 3)
  }

  @Test(
    "Figures have no gender and no short form",
    arguments: [
      ("Veintiún hombres", "veintiuno hombres", 0), ("treinta y una casas", "treinta y uno casas", 0),
      ("un perro", "uno perro", 0), ("veintiún hombres", "veintidós hombres", 1),
    ])
  func figures(said: String, heard: String, errors: Int) {
    var evidence = HealthyRun.evidence
    evidence.events.fragments[0].answers[0].processed.translatedText = said
    evidence.events.fragments[1].answers[0].processed.translatedText = ""
    evidence.heard = [0: heard]
    #expect(evidence.dubErrorRate?.errors == errors)
  }

  @Test(
    "Of few words one or two may be misheard, of many 15 %, of two not both",
    arguments: [
      ("uno dos", "uno o dos", true), ("uno dos", "", false),
      ("siete ocho nueve diez once doce", "siete ocho nueve diez mil", true),
      ("siete ocho nueve diez once doce", "siete ocho nueve", false),
    ])
  func bound(said: String, heard: String, passes: Bool) {
    var evidence = HealthyRun.evidence
    evidence.events.fragments[0].answers[0].processed.translatedText = said
    evidence.heard = [0: heard]
    #expect(DubbingVerdict(evidence)[.heardAgain]?.passed == passes)
  }

  @Test("Nobody listens unless a listener is named")
  func nobody() async throws {
    let evidence = try await HealthyRun.evidence.heard(
      by: nil, in: folder.appending(path: "output.flv"), folder: folder)
    #expect(evidence.heard == nil)
    #expect(DubbingVerdict(evidence)[.heardAgain] == nil)
  }
}
