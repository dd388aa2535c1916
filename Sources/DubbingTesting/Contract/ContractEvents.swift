import Foundation

// The events of the contract between worker and speech-to-speech service, whatever their fields are called on the wire: see `Contract`.

/// Worker → STS: opens a stream.
public struct StreamInit: Sendable, Hashable {
  /// What the worker asks for and what it will send.
  public struct Configuration: Sendable, Hashable {
    /// What is spoken, such as `en`.
    public var sourceLanguage: String
    /// What is to be spoken, such as `es`.
    public var targetLanguage: String
    /// Which voice is to speak, in the service's own words.
    public var voiceProfile: String
    /// Length of a fragment.
    public var chunkDurationMs: Int
    /// Samples per second of what is sent; 0 where the contract does not say.
    public var sampleRateHz: Int
    /// How many channels are sent; 0 where the contract does not say.
    public var channels: Int
    /// The format of what is sent, such as `pcm_s16le` or `m4a`; empty where the contract does not say.
    public var format: String

    /// What a worker asks for; as a rule fragments of 6 s, 16 kHz, one channel.
    package init(
      sourceLanguage: String, targetLanguage: String, voiceProfile: String = "default", chunkDurationMs: Int = 6000,
      sampleRateHz: Int = 16000, channels: Int = 1, format: String = FragmentAudio.pcm
    ) {
      self.sourceLanguage = sourceLanguage
      self.targetLanguage = targetLanguage
      self.voiceProfile = voiceProfile
      self.chunkDurationMs = chunkDurationMs
      self.sampleRateHz = sampleRateHz
      self.channels = channels
      self.format = format
    }
  }

  /// The stream that is opened.
  public var streamID: String
  /// Who opens it.
  public var workerID: String
  /// What is asked for, and what will be sent.
  public var config: Configuration
  /// How many fragments may be under way at once.
  public var maxInflight: Int?
  /// How long the worker waits for an answer.
  public var timeoutMs: Int?

  /// The opening of a stream.
  package init(
    streamID: String, workerID: String, config: Configuration, maxInflight: Int? = nil, timeoutMs: Int? = nil
  ) {
    self.streamID = streamID
    self.workerID = workerID
    self.config = config
    self.maxInflight = maxInflight
    self.timeoutMs = timeoutMs
  }
}

/// STS → worker: the stream is open.
public struct StreamReady: Sendable, Hashable {
  /// The stream that is open.
  public var streamID: String
  /// What STS calls it.
  public var sessionID: String
  /// How many fragments may be under way at once.
  public var maxInflight: Int
  /// The name of what recognises speech, where STS tells it.
  public var recogniser: String?

  /// An opening that was accepted.
  package init(streamID: String, sessionID: String, maxInflight: Int, recogniser: String? = nil) {
    self.streamID = streamID
    self.sessionID = sessionID
    self.maxInflight = maxInflight
    self.recogniser = recogniser
  }
}

/// The sound of one fragment, in either direction.
public struct FragmentAudio: Sendable, Hashable {
  /// 16-bit samples, little-endian, interleaved.
  public static let pcm = "pcm_s16le"

  /// As it was declared, such as `pcm_s16le` or `m4a`.
  public var format: String
  /// As it was declared; 0 where the contract does not say.
  public var sampleRateHz: Int
  /// As it was declared; 0 where the contract does not say.
  public var channels: Int
  /// As it was declared; 0 where the contract does not say.
  public var durationMs: Double
  /// Base64 text or a binary attachment, decoded: samples, or a whole media file.
  public var data: Data

  /// Sound as it is declared, and its bytes.
  public init(
    format: String = FragmentAudio.pcm, sampleRateHz: Int, channels: Int, durationMs: Double, data: Data
  ) {
    self.format = format
    self.sampleRateHz = sampleRateHz
    self.channels = channels
    self.durationMs = durationMs
    self.data = data
  }

  /// Whether the bytes are samples; what is not has to be decoded by its content.
  package var isPCM: Bool { format == Self.pcm }

  /// What the declaration and the bytes do not agree on, as far as it can be seen without decoding.
  package var problems: [String] {
    guard isPCM else { return data.isEmpty ? ["there are no bytes of \(format)"] : [] }
    guard sampleRateHz > 0, channels > 0 else { return ["sample_rate_hz \(sampleRateHz), channels \(channels)"] }
    var problems: [String] = []
    if data.count % (2 * channels) != 0 {
      problems.append("\(data.count) bytes are not whole 16-bit samples of \(channels) channels")
    }
    let seconds = Double(data.count / (2 * channels)) / Double(sampleRateHz)
    if abs(seconds * 1000 - durationMs) > 20 {
      problems.append("duration_ms is \(durationMs.rounded()), the samples last \((seconds * 1000).rounded()) ms")
    }
    return problems
  }
}

/// Worker → STS: one fragment of the original.
public struct FragmentData: Sendable, Hashable {
  /// What a worker may say beside the fragment.
  public struct Metadata: Sendable, Hashable {
    /// Presentation time of the first sample in the stream, nanoseconds.
    public var ptsNs: Int64?
  }

  /// Unique in its stream.
  public var fragmentID: String
  /// The stream that it is of.
  public var streamID: String
  /// From 0.
  public var sequenceNumber: Int
  /// Unix time, milliseconds.
  public var timestamp: Int64
  /// Its sound.
  public var audio: FragmentAudio
  /// What else the worker says of it; nil: nothing.
  public var metadata: Metadata?

  /// A fragment of a stream.
  package init(
    fragmentID: String, streamID: String, sequenceNumber: Int, timestamp: Int64, audio: FragmentAudio,
    metadata: Metadata? = nil
  ) {
    self.fragmentID = fragmentID
    self.streamID = streamID
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.audio = audio
    self.metadata = metadata
  }
}

/// Either way: a fragment has been queued, is being processed, was received or was applied.
public struct FragmentAck: Sendable, Hashable {
  /// What has become of the fragment so far.
  public enum Status: String, Sendable, Hashable, CaseIterable { case queued, processing, received, applied }

  /// The fragment that it is about.
  public var fragmentID: String
  /// What has become of it.
  public var status: Status
  /// Where a contract has no ``fragmentID`` it says this.
  public var sequenceNumber: Int?

  /// An acknowledgement of a fragment.
  package init(fragmentID: String, status: Status, sequenceNumber: Int? = nil) {
    self.fragmentID = fragmentID
    self.status = status
    self.sequenceNumber = sequenceNumber
  }
}

/// STS → worker: the answer to one fragment.
public struct FragmentProcessed: Sendable, Hashable {
  /// Whether the fragment was dubbed: all of it, a part, or nothing.
  public enum Status: String, Sendable, Hashable, CaseIterable { case success, partial, failed }

  /// How long each step took.
  public struct StageTimings: Sendable, Hashable {
    /// Recognition, milliseconds.
    public var asrMs: Double?
    /// Translation, milliseconds.
    public var translationMs: Double?
    /// Synthesis, milliseconds.
    public var ttsMs: Double?
  }

  /// Why a fragment was not dubbed.
  public struct Failure: Sendable, Hashable {
    /// One of ``Contract/errorCodes``.
    public var code: String
    /// For a person.
    public var message: String
    /// The step that failed, where STS says it.
    public var stage: String?
    /// Whether it may be sent again, where STS says it.
    public var retryable: Bool?

    /// A failure with its code.
    public init(code: String, message: String, stage: String? = nil, retryable: Bool? = nil) {
      self.code = code
      self.message = message
      self.stage = stage
      self.retryable = retryable
    }
  }

  /// The fragment that is answered.
  public var fragmentID: String
  /// Its stream.
  public var streamID: String
  /// Its number, from 0.
  public var sequenceNumber: Int
  /// Whether it was dubbed.
  public var status: Status
  /// The dub; nil where there is none.
  public var dubbedAudio: FragmentAudio?
  /// What was heard.
  public var transcript: String?
  /// What was made of it, in the target language.
  public var translatedText: String?
  /// The language that is spoken in the dub.
  public var targetLanguage: String?
  /// How long STS says that it took, milliseconds.
  public var processingTimeMs: Double
  /// The same, step by step; nil where STS does not say.
  public var stageTimings: StageTimings?
  /// Why it was not dubbed; nil: it was.
  public var error: Failure?

  /// An answer; what is not given it does not have.
  package init(
    fragmentID: String, streamID: String, sequenceNumber: Int, status: Status, dubbedAudio: FragmentAudio? = nil,
    transcript: String? = nil, translatedText: String? = nil, targetLanguage: String? = nil,
    processingTimeMs: Double = 0, stageTimings: StageTimings? = nil, error: Failure? = nil
  ) {
    self.fragmentID = fragmentID
    self.streamID = streamID
    self.sequenceNumber = sequenceNumber
    self.status = status
    self.dubbedAudio = dubbedAudio
    self.transcript = transcript
    self.translatedText = translatedText
    self.targetLanguage = targetLanguage
    self.processingTimeMs = processingTimeMs
    self.stageTimings = stageTimings
    self.error = error
  }
}

/// Worker → STS: pause, resume or end a stream.
public struct StreamControl: Sendable, Hashable {
  /// The stream that is meant.
  public var streamID: String
  /// Why, for a person.
  public var reason: String?

  /// What is told about a stream.
  package init(streamID: String, reason: String? = nil) {
    self.streamID = streamID
    self.reason = reason
  }
}

/// STS → worker: everything that was sent has been answered.
public struct StreamComplete: Sendable, Hashable {
  /// The stream that is over.
  public var streamID: String
  /// How many fragments were answered.
  public var totalFragments: Int
  /// How much sound they held, milliseconds.
  public var totalDurationMs: Double
}

/// STS → worker: slow down.
public struct Backpressure: Sendable, Hashable {
  /// How bad it is.
  public enum Severity: String, Sendable, Hashable, CaseIterable { case low, medium, high }
  /// What the worker is to do.
  public enum Action: String, Sendable, Hashable, CaseIterable {
    case slowDown = "slow_down"
    case pause, none
  }

  /// The stream that is too fast.
  public var streamID: String
  /// How bad it is.
  public var severity: Severity
  /// Fragments of the stream that are being dubbed.
  public var currentInflight: Int
  /// Fragments that wait.
  public var queueDepth: Int
  /// What the worker is to do.
  public var action: Action
  /// How long the worker should wait before the next fragment.
  public var recommendedDelayMs: Double?
}

/// STS → worker: something went wrong outside one fragment's answer.
public struct ServiceError: Sendable, Hashable {
  /// One of ``Contract/errorCodes``.
  public var code: String
  /// For a person.
  public var message: String
  /// How bad it is, in the service's own words.
  public var severity: String
  /// Whether trying again may help.
  public var retryable: Bool
  /// The stream that it is about, where there is one.
  public var streamID: String?
  /// The fragment that it is about, where there is one.
  public var fragmentID: String?

  /// An error that is no fragment's answer.
  package init(
    code: String, message: String, severity: String, retryable: Bool, streamID: String? = nil, fragmentID: String? = nil
  ) {
    self.code = code
    self.message = message
    self.severity = severity
    self.retryable = retryable
    self.streamID = streamID
    self.fragmentID = fragmentID
  }
}
