import AudioPrint
import Foundation

/// One source: 30 s of original, its five dubbed fragments, and the same voice with other words.
struct Material: Sendable {
  static let seconds = 30.0
  static let fragment = 6.0
  static let fragments = 5

  var name: String
  var original: AudioClip
  /// Spanish speech, 6 s each.
  var dubbed: [AudioClip]
  /// What the same speaker or instrument would say or play instead, 6 s each.
  var otherWords: [AudioClip]

  func part(_ index: Int) -> AudioClip {
    original.slice(from: Double(index) * Self.fragment, to: Double(index + 1) * Self.fragment)
  }
}

/// The kinds of sources; each is made from its own seed.
enum SourceKind: Sendable {
  case numbers(voice: String)
  case sentences(voice: String)
  case crowd(voice: String)
  case pauses(voice: String)
  case jingles(voice: String)
  case overMusic(voice: String)
  case music
  case tones
}

/// Makes all sources, caching what the synthesisers say.
struct MaterialFactory: Sendable {
  let folder: String

  /// Neighbours are of different kinds, and even ones tune, odd ones report: both halves hold every kind.
  static let kinds: [(name: String, kind: SourceKind)] = [
    ("numbers slt", .numbers(voice: "slt")), ("numbers awb", .numbers(voice: "awb")),
    ("sentences rms", .sentences(voice: "rms")), ("sentences slt", .sentences(voice: "slt")),
    ("music 1", .music), ("music 2", .music),
    ("crowd kal16", .crowd(voice: "kal16")), ("crowd slt", .crowd(voice: "slt")),
    ("pauses awb", .pauses(voice: "awb")), ("pauses rms", .pauses(voice: "rms")),
    ("jingles en", .jingles(voice: "en-us")), ("jingles slt", .jingles(voice: "slt")),
    ("tones 1", .tones), ("tones 2", .tones),
    ("over music slt", .overMusic(voice: "slt")), ("over music en", .overMusic(voice: "en-gb")),
    ("sentences de", .sentences(voice: "de")), ("sentences fr", .sentences(voice: "fr")),
    ("numbers en", .numbers(voice: "en-us+f3")), ("sentences kal16", .sentences(voice: "kal16")),
  ]

  func material(_ index: Int) async throws -> Material {
    let (name, kind) = Self.kinds[index]
    let seed = UInt64(1000 * (index + 1))
    let original = try await sound(kind, seed: seed, seconds: Material.seconds).levelled(-22)
    var (dubbed, other): ([AudioClip], [AudioClip]) = ([], [])
    for k in 0..<Material.fragments {
      dubbed.append(try await spoken("es", seed: seed + 100 + UInt64(k), seconds: Material.fragment).levelled(-22))
      other.append(try await sound(kind, seed: seed + 200 + UInt64(k), seconds: Material.fragment).levelled(-22))
    }
    return Material(name: name, original: original, dubbed: dubbed, otherWords: other)
  }

  func sound(_ kind: SourceKind, seed: UInt64, seconds: Double) async throws -> AudioClip {
    switch kind {
    case .numbers(let voice): return try await numbers(voice, seed: seed, seconds: seconds)
    case .sentences(let voice): return try await spoken(voice, seed: seed, seconds: seconds)
    case .music: return try Synthesis.music(seed: seed, seconds: seconds)
    case .tones: return try Synthesis.tones(seed: seed, seconds: seconds)
    case .overMusic(let voice):
      let music = try Synthesis.music(seed: seed, seconds: seconds).levelled(-34)
      return try await spoken(voice, seed: seed, seconds: seconds).levelled(-22).mixed(with: music)
    case .crowd(let voice):
      var sum = try await spoken(voice, seed: seed, seconds: seconds).levelled(-22)
      for (i, other) in ["en-us", "en-gb+f2", "fr", "de", "en-us+m3"].enumerated() {
        let babble = try await spoken(other, seed: seed + 500 + UInt64(i), seconds: seconds).levelled(-38)
        sum = try sum.mixed(with: babble)
      }
      return sum
    case .pauses(let voice):
      return try await grid(every: 3.5, seconds: seconds) { k in
        try await self.spoken(voice, seed: seed + 600 + UInt64(k), seconds: 1.8)
      }
    case .jingles(let voice):
      let jingle = try Synthesis.music(seed: 77, seconds: 1.2).levelled(-22)
      return try await grid(every: 3, seconds: seconds) { k in
        try .joined([jingle, try await self.spoken(voice, seed: seed + 700 + UInt64(k), seconds: 1.7).levelled(-22)])
      }
    }
  }

  /// A piece every so many seconds, silence between them.
  private func grid(every step: Double, seconds: Double, piece: (Int) async throws -> AudioClip) async throws
    -> AudioClip
  {
    var clips: [AudioClip] = []
    for k in 0..<Int((seconds / step).rounded(.up)) { clips.append(try await piece(k).fitted(to: step)) }
    return try .joined(clips).fitted(to: seconds)
  }

  private func numbers(_ voice: String, seed: UInt64, seconds: Double) async throws -> AudioClip {
    var chance = Chance(seed)
    return try await grid(every: 1, seconds: seconds) { _ in
      let number = Int.random(in: 1...60, using: &chance)
      return try await self.say("\(number)", voice: voice).fitted(to: 0.95)
    }
  }

  /// Speech without a leading pause, long enough and cut, so that a fragment's edges are in sound.
  func spoken(_ voice: String, seed: UInt64, seconds: Double) async throws -> AudioClip {
    let language = ["es", "fr", "de"].first { voice.hasPrefix($0) } ?? "en"
    let text = Prose.text(language: language, seed: seed, words: Int(seconds * 4.5) + 4)
    let clip = try await say(text, voice: voice)
    let start = clip.samples.firstIndex { abs($0) > 0.02 } ?? 0
    return try AudioClip.of(Array(clip.samples[start...])).fitted(to: seconds)
  }

  /// flite for its own voices, espeak-ng for all others.
  private func say(_ text: String, voice: String) async throws -> AudioClip {
    let path = "\(folder)/speech/\(voice)-\(Prose.digest(text)).wav"
    try await Tool.cached(path) { file in
      if ["slt", "awb", "rms", "kal16", "kal"].contains(voice) {
        try await Tool.output("flite", ["-voice", voice, "-t", text, "-o", file])
      } else {
        try await Tool.output("espeak-ng", ["-v", voice, "-w", file, text])
      }
    }
    return try await AudioDecoder.decode(path, sampleRate: Tool.sampleRate)
  }
}

/// Sentences without end, the same for the same seed.
enum Prose {
  private static let words: [String: [[String]]] = [
    "en": [
      ["The old", "A small", "My quiet", "Every green", "That broken", "The second", "Our neighbour's", "This empty"],
      ["harbour", "teacher", "window", "engine", "garden", "letter", "station", "mountain", "kitchen", "river"],
      ["follows", "remembers", "carries", "surprises", "repairs", "paints", "measures", "answers", "protects"],
      ["seven horses", "the winter", "a wooden boat", "the market", "another question", "his sister", "cold water"],
      ["before breakfast", "near the bridge", "without a word", "in October", "under the table", "again and again"],
    ],
    "es": [
      ["El viejo", "Un pequeño", "Cada", "Aquel", "Nuestro", "Ningún", "El segundo", "Este"],
      ["puerto", "maestro", "jardín", "camino", "barco", "vecino", "pueblo", "libro", "reloj", "perro"],
      ["busca", "recuerda", "lleva", "sorprende", "pinta", "guarda", "espera", "escucha", "protege"],
      ["siete caballos", "el invierno", "la ventana", "otra pregunta", "a su hermana", "agua fría", "la guitarra"],
      ["antes de comer", "cerca del puente", "sin decir nada", "en octubre", "debajo de la mesa", "otra vez"],
    ],
    "fr": [
      ["Le vieux", "Un petit", "Chaque", "Notre", "Ce grand", "Le premier"],
      ["port", "professeur", "jardin", "chemin", "bateau", "voisin", "village", "cheval", "train"],
      ["cherche", "porte", "regarde", "surprend", "garde", "attend", "dessine", "oublie"],
      ["sept lettres", "la maison", "une question", "la fenêtre", "sa cousine", "le marché", "la musique"],
      ["avant midi", "près du pont", "sans un mot", "en octobre", "sous la table", "encore une fois"],
    ],
    "de": [
      ["Der alte", "Ein kleiner", "Jeder", "Unser", "Dieser", "Der zweite"],
      ["Hafen", "Lehrer", "Garten", "Nachbar", "Bahnhof", "Brief", "Motor", "Hund", "Berg"],
      ["sucht", "trägt", "malt", "findet", "überrascht", "bewacht", "misst", "vergisst"],
      ["sieben Pferde", "das Fenster", "eine Frage", "seine Schwester", "kaltes Wasser", "den Winter"],
      ["vor dem Essen", "bei der Brücke", "ohne ein Wort", "im Oktober", "unter dem Tisch", "noch einmal"],
    ],
  ]

  static func text(language: String, seed: UInt64, words count: Int) -> String {
    var chance = Chance(seed)
    var sentences: [String] = []
    var total = 0
    while total < count {
      let sentence = (words[language] ?? []).compactMap { $0.randomElement(using: &chance) }.joined(separator: " ")
      total += sentence.split(separator: " ").count
      sentences.append(sentence + ".")
    }
    return sentences.joined(separator: " ")
  }

  static func digest(_ text: String) -> String {
    String(text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
  }
}

/// Music and tones.
enum Synthesis {
  /// Chords and a melody of decaying harmonics.
  static func music(seed: UInt64, seconds: Double) throws -> AudioClip {
    var chance = Chance(seed &* 31 &+ 7)
    var samples = [Float](repeating: 0, count: Int(seconds * Double(Tool.sampleRate)))
    let scale = [0, 2, 4, 5, 7, 9, 11, 12, 14, 16]
    var time = 0.0
    while time < seconds {
      let length = [0.25, 0.25, 0.5, 0.75].randomElement(using: &chance) ?? 0.5
      for _ in 0..<(Bool.random(using: &chance) ? 1 : 3) {
        let note = (scale.randomElement(using: &chance) ?? 0) + 12 * Int.random(in: -1...1, using: &chance)
        add(262 * pow(2, Double(note) / 12), at: time, length: length * 2, to: &samples)
      }
      time += length
    }
    return try .of(samples)
  }

  /// A sine that takes another pitch every 0.5 to 0.9 s, so that it has a place in time at all.
  static func tones(seed: UInt64, seconds: Double) throws -> AudioClip {
    var chance = Chance(seed &* 17 &+ 3)
    var samples: [Float] = []
    var phase = 0.0
    while Double(samples.count) < seconds * Double(Tool.sampleRate) {
      let pitch = Double.random(in: 250...2500, using: &chance)
      for _ in 0..<Int(Double.random(in: 0.5...0.9, using: &chance) * Double(Tool.sampleRate)) {
        phase += 2 * Double.pi * pitch / Double(Tool.sampleRate)
        samples.append(Float(0.2 * sin(phase)))
      }
    }
    return try AudioClip.of(samples).fitted(to: seconds)
  }

  private static func add(_ pitch: Double, at start: Double, length: Double, to samples: inout [Float]) {
    let rate = Double(Tool.sampleRate)
    let first = Int(start * rate)
    let count = min(Int(length * rate), samples.count - first)
    for harmonic in 1...6 where count > 0 {
      let step = 2 * Double.pi * pitch * Double(harmonic) / rate
      for i in 0..<count {
        let t = Double(i) / rate
        let envelope = min(1, t / 0.005) * exp(-3 * t * Double(harmonic)) * min(1, (length - t) / 0.02)
        samples[first + i] += Float(0.1 / Double(harmonic) * envelope * sin(step * Double(i)))
      }
    }
  }
}
