import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A compose project to run: its files and what they are filled in with.
public struct ComposeProject: Sendable, Hashable {
  /// The base name, e.g. "e2e-media-019"; the running project is called "<name>-<run id>", so that two runs never meet.
  public var name: String
  /// The compose files, in order; later ones override earlier ones.
  public var files: [String]
  /// The folder that relative paths in the files start from; by default the folder of the first file.
  public var projectDirectory: String?
  /// The profiles to enable.
  public var profiles: [String]
  /// Variables for the files, on top of the inherited environment.
  public var environment: [String: String]
  /// Files of variables (`--env-file`).
  public var envFiles: [String]
  /// Volumes and networks with a fixed name that the project may use although they are not its own; they are never removed.
  public var sharing: [SharedResource]
  /// Base names of projects of the same call whose services must be ready before this one starts.
  ///
  /// A project that uses an external network or volume which another one makes starts after that one has made it, without this.
  public var startsAfter: [String]

  /// A project of these files, whose paths start at the working directory.
  public init(
    name: String, files: [String], projectDirectory: String? = nil, profiles: [String] = [],
    environment: [String: String] = [:], envFiles: [String] = [], sharing: [SharedResource] = [],
    startsAfter: [String] = []
  ) {
    self.name = name
    self.files = files
    self.projectDirectory = projectDirectory
    self.profiles = profiles
    self.environment = environment
    self.envFiles = envFiles
    self.sharing = sharing
    self.startsAfter = startsAfter
  }

  /// The longest base name: with the run id it still fits, beside a service's name, in the 63 characters of a host name.
  static let maximumNameLength = 40
  /// Linux takes no single variable or argument longer than this (MAX_ARG_STRLEN), with its name and the final NUL.
  static let maximumVariableBytes = 128 * 1024 - 1
  /// Linux takes 2 MB of arguments and environment by default (a quarter of the stack limit); the rest is for what is inherited.
  static let maximumEnvironmentBytes = 1536 * 1024

  /// Checks everything that can be checked without the engine.
  ///
  /// - Throws: ``ComposeError`` with code `invalidProject`.
  package func validate() throws {
    try validateName()
    guard !files.isEmpty else {
      throw ComposeError(
        .invalidProject, "project \(name) has no compose file", next: "give at least one file to ComposeProject(files:)"
      )
    }
    for file in files { try requireReadable(file, "compose file") }
    for file in envFiles { try requireReadable(file, "env file") }
    if let projectDirectory {
      guard Self.fileType(at: projectDirectory) == S_IFDIR else {
        throw ComposeError(.invalidProject, "the project directory \(projectDirectory) of \(name) is not a folder")
      }
    }
    for text in files + envFiles + profiles + [projectDirectory ?? ""] where text.utf8.contains(0) {
      throw ComposeError(.invalidProject, "project \(name): a path or profile holds a NUL character")
    }
    try validateEnvironment()
  }

  private func validateName() throws {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    let first = Set("abcdefghijklmnopqrstuvwxyz0123456789")
    guard let head = name.first, first.contains(head), name.allSatisfy(allowed.contains),
      name.count <= Self.maximumNameLength
    else {
      throw ComposeError(
        .invalidProject, "\"\(name)\" cannot be the name of a compose project",
        next: "use at most \(Self.maximumNameLength) of a-z, 0-9, - and _, beginning with a letter or a digit")
    }
  }

  private func requireReadable(_ path: String, _ what: String) throws {
    guard let type = Self.fileType(at: path) else {
      throw ComposeError(
        .invalidProject, "the \(what) \(path) of project \(name) does not exist",
        next: "paths are relative to \(FileManager.default.currentDirectoryPath)")
    }
    guard type != S_IFDIR else {
      throw ComposeError(.invalidProject, "the \(what) \(path) of project \(name) is a folder, not a file")
    }
    // A device has no end: compose would read /dev/zero until the memory is full.
    guard type != S_IFCHR, type != S_IFBLK else {
      throw ComposeError(.invalidProject, "the \(what) \(path) of project \(name) is a device, not a file")
    }
    guard access(path, R_OK) == 0 else {
      throw ComposeError(
        .invalidProject, "the \(what) \(path) of project \(name) cannot be read", next: "check its permissions")
    }
  }

  /// What a path leads to, as the file type bits of stat(2); nil if there is nothing.
  ///
  /// Every start asks. FileManager would look up the names of owner and group as well, and with URL it takes 0.6 MB that are not
  /// given back.
  private static func fileType(at path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Variables that docker, compose and ComposeKit read themselves to choose an engine or a project. Others that begin alike, such as a
  /// DOCKER_TAG or COMPOSE_PROFILES, are a file's own affair.
  static let sharedVariables: Set<String> = [
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION", "COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_COMMAND",
    "COMPOSE_API_VERSION", "COMPOSE_TLS_VERSION",
  ]

  private func validateEnvironment() throws {
    var total = 0
    for (key, value) in environment {
      guard !key.isEmpty, !key.contains("="), !key.utf8.contains(0), !value.utf8.contains(0) else {
        throw ComposeError(
          .invalidProject, "project \(name): the environment variable \"\(key)\" cannot be passed to a process",
          next: "a name is not empty and has no \"=\"; neither name nor value has a NUL character")
      }
      guard !Self.sharedVariables.contains(key) else {
        throw ComposeError(
          .invalidProject,
          "project \(name): \(key) chooses the engine or the project, so it is not for one project alone",
          next: "set \(key) in the environment of the process, "
            + "or give the call an engine (withComposeStacks(…, on: …)): clean-up must reach the same one")
      }
      let bytes = key.utf8.count + value.utf8.count + 2
      guard bytes <= Self.maximumVariableBytes else {
        throw ComposeError(
          .invalidProject,
          "project \(name): the environment variable \(key) has \(bytes) bytes; the kernel takes "
            + "at most \(Self.maximumVariableBytes) for one variable",
          next: "put the value in a file that the service mounts")
      }
      total += bytes
    }
    guard total <= Self.maximumEnvironmentBytes else {
      throw ComposeError(
        .invalidProject,
        "project \(name): the environment has \(total) bytes, more than \(Self.maximumEnvironmentBytes)",
        next: "put large values in files that the services mount")
    }
  }

  /// The enabled profiles, also those that the environment enables.
  var enabledProfiles: Set<String> {
    let variable = "COMPOSE_PROFILES"
    let inherited = environment[variable] ?? ProcessInfo.processInfo.environment[variable] ?? ""
    return Set(profiles + inherited.split(separator: ",").map(String.init))
  }

  /// The options that come between `docker compose` and its command.
  func arguments(projectName: String) -> [String] {
    var arguments = ["-p", projectName]
    if let projectDirectory { arguments += ["--project-directory", projectDirectory] }
    for file in files { arguments += ["-f", file] }
    for file in envFiles { arguments += ["--env-file", file] }
    for profile in profiles { arguments += ["--profile", profile] }
    return arguments
  }
}
