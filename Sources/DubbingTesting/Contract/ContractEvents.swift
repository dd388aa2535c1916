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
    public var voiceProfile: String
    /// Length of a fragment.
    public var chunkDurationMs: Int
    /// Samples per second of what is sent; 0 where the contract does not say.
    public var sampleRateHz: Int
    public var channels: Int
    /// The format of what is sent, such as `pcm_s16le` or `m4a`; empty where the contract does not say.
    public var format: String

    public init(
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

  public var streamID: String
  public var workerID: String
  public var config: Configuration
  /// How many fragments may be under way at once.
  public var maxInflight: Int?
  /// How long the worker waits for an answer.
  public var timeoutMs: Int?

  public init(streamID: String, workerID: String, config: Configuration, maxInflight: Int? = nil, timeoutMs: Int? = nil)
  {
    self.streamID = streamID
    self.workerID = workerID
    self.config = config
    self.maxInflight = maxInflight
    self.timeoutMs = timeoutMs
  }
}

/// STS → worker: the stream is open.
public struct StreamReady: Sendable, Hashable {
  public var streamID: String
  public var sessionID: String
  /// How many fragments may be under way at once.
  public var maxInflight: Int
  /// The name of what recognises speech, where STS tells it.
  public var recogniser: String?
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
  public var isPCM: Bool { format == Self.pcm }

  /// What the declaration and the bytes do not agree on, as far as it can be seen without decoding.
  public var problems: [String] {
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

  public var fragmentID: String
  public var streamID: String
  /// From 0.
  public var sequenceNumber: Int
  /// Unix time, milliseconds.
  public var timestamp: Int64
  public var audio: FragmentAudio
  public var metadata: Metadata?

  public init(
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
  public enum Status: String, Sendable, Hashable, CaseIterable { case queued, processing, received, applied }

  public var fragmentID: String
  public var status: Status
  /// Where a contract has no ``fragmentID`` it says this.
  public var sequenceNumber: Int?

  public init(fragmentID: String, status: Status, sequenceNumber: Int? = nil) {
    self.fragmentID = fragmentID
    self.status = status
    self.sequenceNumber = sequenceNumber
  }
}

/// STS → worker: the answer to one fragment.
public struct FragmentProcessed: Sendable, Hashable {
  public enum Status: String, Sendable, Hashable, CaseIterable { case success, partial, failed }

  /// How long each step took.
  public struct StageTimings: Sendable, Hashable {
    public var asrMs: Double?
    public var translationMs: Double?
    public var ttsMs: Double?
  }

  /// Why a fragment was not dubbed.
  public struct Failure: Sendable, Hashable {
    public var code: String
    public var message: String
    public var stage: String?
    public var retryable: Bool?

    public init(code: String, message: String, stage: String? = nil, retryable: Bool? = nil) {
      self.code = code
      self.message = message
      self.stage = stage
      self.retryable = retryable
    }
  }

  public var fragmentID: String
  public var streamID: String
  public var sequenceNumber: Int
  public var status: Status
  public var dubbedAudio: FragmentAudio?
  /// What was heard.
  public var transcript: String?
  public var translatedText: String?
  public var targetLanguage: String?
  public var processingTimeMs: Double
  public var stageTimings: StageTimings?
  public var error: Failure?
}

/// Worker → STS: pause, resume or end a stream.
public struct StreamControl: Sendable, Hashable {
  public var streamID: String
  public var reason: String?

  public init(streamID: String, reason: String? = nil) {
    self.streamID = streamID
    self.reason = reason
  }
}

/// STS → worker: everything that was sent has been answered.
public struct StreamComplete: Sendable, Hashable {
  public var streamID: String
  public var totalFragments: Int
  public var totalDurationMs: Double
}

/// STS → worker: slow down.
public struct Backpressure: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable, CaseIterable { case low, medium, high }
  public enum Action: String, Sendable, Hashable, CaseIterable {
    case slowDown = "slow_down"
    case pause, none
  }

  public var streamID: String
  public var severity: Severity
  public var currentInflight: Int
  public var queueDepth: Int
  public var action: Action
  /// How long the worker should wait before the next fragment.
  public var recommendedDelayMs: Double?
}

/// STS → worker: something went wrong outside one fragment's answer.
public struct ServiceError: Sendable, Hashable {
  public var code: String
  public var message: String
  public var severity: String
  public var retryable: Bool
  public var streamID: String?
  public var fragmentID: String?
}
