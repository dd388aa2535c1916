import NIOCore
import NIOPosix
import Synchronization

/// A small program near clients that cannot connect to a tap: it takes their connections, and hands them on over others that the tap's
/// side has opened to it.
///
/// So all connections between the two sides are opened from here. The tap itself stays where it is, and records and changes what passes as
/// it always does.
package struct TapOutpost: Sendable, Hashable {
  /// Where this process reaches the outpost.
  package var host: String
  package var port: Int
  /// What proves to it that a connection is the tap's: whoever has it gets clients.
  package var token: String

  package init(host: String, port: Int, token: String) {
    (self.host, self.port, self.token) = (host, port, token)
  }

  /// A token that nobody guesses.
  package static func newToken() -> String {
    (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
  }

  /// How many connections wait for clients at any time.
  private static let waiting = 8
  private static let pause = Duration.milliseconds(250)

  /// Connects clients of the outpost to a port of this machine for as long as `body` takes.
  ///
  /// `body` begins when the outpost has answered. What is lost later is opened anew until the end.
  /// - Parameters:
  ///   - port: the tap's, on loopback.
  ///   - deadline: how long the outpost may take to answer for the first time.
  /// - Throws: ``SocketIOError`` `tapFailed` when it does not; what `body` throws.
  package func connecting<R: Sendable>(
    to port: Int, within deadline: Duration, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> R
  ) async throws -> R {
    let (taken, take) = AsyncStream<Void>.makeStream()
    let (answers, answer) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let last = LastProblem()
    for _ in 0..<Self.waiting { take.yield() }
    let lines = Task {
      await withDiscardingTaskGroup { group in
        for await _ in taken {
          group.addTask {
            await self.line(to: port) {
              answer.yield()
            } taken: {
              take.yield()
            } failed: { problem in
              last.text = problem
            }
          }
        }
        group.cancelAll()
      }
    }
    let timer = Task {
      try await Task.sleep(for: deadline)
      answer.finish()
    }
    let result: Result<R, any Error>
    do {
      var isThere = false
      for await _ in answers {
        isThere = true
        break
      }
      timer.cancel()
      try Task.checkCancellation()
      guard isThere else {
        throw SocketIOError(
          .tapFailed, "the outpost of the tap at \(host) port \(self.port) has not answered within \(deadline)",
          evidence: [last.text])
      }
      result = .success(try await body())
    } catch {
      result = .failure(error)
    }
    timer.cancel()
    lines.cancel()
    await lines.value
    return try result.get()
  }

  /// Why no connection has come about yet.
  private final class LastProblem: Sendable {
    private let state = Mutex("it has not answered")
    var text: String {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }

  /// One connection that waits for a client and is the client's from then on.
  private func line(
    to port: Int, answered: () -> Void, taken: () -> Void, failed: (String) -> Void
  ) async {
    var isTaken = false
    while !isTaken, !Task.isCancelled {
      do {
        try await Self.connect(host, self.port).executeThenClose { input, output in
          var reader = Reader(input)
          try await output.write(ByteBuffer(string: token + "\n"))
          guard try await reader.next(is: Sign.ready) else {
            return failed("it closed a connection: it may be another one's")
          }
          answered()
          guard try await reader.next(is: Sign.client) else { return failed("it closed a connection") }
          isTaken = true
          taken()
          // Without an answer the outpost gives the client to another connection: this one may be dead without anybody knowing.
          try await output.write(ByteBuffer(string: Sign.taken))
          try await Self.join(&reader, output, to: Self.connect("127.0.0.1", port))
        }
      } catch {
        failed("\(error)")
      }
      if !isTaken { try? await Task.sleep(for: Self.pause) }
    }
  }

  /// What the two sides say to each other, a byte each.
  private enum Sign {
    static let ready = "R"
    static let client = "C"
    static let taken = "T"
  }

  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  /// What comes over a connection, of which the first bytes are read one by one.
  private struct Reader {
    var bytes: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var unread = ByteBuffer()

    init(_ input: NIOAsyncChannelInboundStream<ByteBuffer>) { bytes = input.makeAsyncIterator() }

    /// Whether the next byte is this one.
    mutating func next(is sign: String) async throws -> Bool {
      if unread.readableBytes == 0, let more = try await bytes.next() { unread = more }
      return unread.readString(length: 1) == sign
    }
  }

  private static func connect(_ host: String, _ port: Int) async throws -> Connection {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.seconds(5))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      // A connection that waits says nothing for minutes, which NAT forgets.
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try Connection(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
  }

  private static func join(
    _ reader: inout Reader, _ writer: NIOAsyncChannelOutboundWriter<ByteBuffer>, to tap: Connection
  ) async throws {
    try await tap.executeThenClose { input, output in
      // An end that breaks is the end of both; one that only has nothing more to say is not.
      async let back: Void = {
        for try await bytes in input { try await writer.write(bytes) }
        writer.finish()
      }()
      while let bytes = try await reader.bytes.next() { try await output.write(bytes) }
      output.finish()
      try await back
    }
  }
}

// MARK: The other side

extension TapOutpost {
  /// The variables that ``program`` reads.
  package static let tokenVariable = "OUTPOST_TOKEN"
  package static let clientsVariable = "OUTPOST_CLIENTS"
  package static let tapVariable = "OUTPOST_TAP"

  /// The outpost, in Perl, which every image of Debian and Ubuntu has in its smallest form; `perl -e` runs it.
  ///
  /// It listens on two ports, for clients and for the tap, and prints both. A connection of the tap says the token first and is told that it
  /// waits; it is told of a client, and has two seconds to take it. From then on a pair of processes copies what passes.
  package static let program = #"""
    use strict; use warnings;
    use IO::Socket::INET; use IO::Select; use Socket qw(IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_KEEPALIVE);
    $| = 1;
    $SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
    my $token = $ENV{OUTPOST_TOKEN} . "\n";
    sub hearing { IO::Socket::INET->new(LocalPort => $_[0], Listen => 128, ReuseAddr => 1) or die "port $_[0]: $!" }
    my ($clients, $taps) = (hearing($ENV{OUTPOST_CLIENTS} // 0), hearing($ENV{OUTPOST_TAP} // 0));
    print join(' ', $clients->sockport, $taps->sockport), "\n";
    my $select = IO::Select->new($clients, $taps);
    my (%state, @waiting);
    sub drop { my $one = shift; $select->remove($one); delete $state{fileno $one}; close $one }
    sub accepted {
      my $one = shift->accept or return;
      setsockopt $one, IPPROTO_TCP, TCP_NODELAY, 1; setsockopt $one, SOL_SOCKET, SO_KEEPALIVE, 1;
      $one;
    }
    sub copy {
      my ($from, $to) = @_;
      COPY: while (defined(my $count = sysread($from, my $bytes, 65536))) {
        # Nothing more to say is not the end: the other direction goes on.
        if (!$count) { shutdown $to, 1; return }
        for (my $at = 0; $at < $count;) {
          my $done = syswrite($to, $bytes, $count - $at, $at);
          last COPY if !$done;
          $at += $done;
        }
      }
      shutdown $_, 2 for $from, $to;
    }
    sub pair {
      my ($tap, $client) = @_;
      $select->remove($tap);
      delete $state{fileno $tap};
      my $child = fork;
      if (defined $child && !$child) {
        $SIG{CHLD} = 'DEFAULT';
        # Whoever holds a copy of another one's connection keeps that from ending.
        close $_ for $clients, $taps, @waiting, map { ($_->{socket}, $_->{client} || ()) } values %state;
        my $second = fork;
        exit 1 if !defined $second;
        copy($second ? ($tap, $client) : ($client, $tap));
        waitpid $second, 0 if $second;
        exit 0;
      }
      close $tap;
      close $client;
    }
    while (1) {
      for my $one ($select->can_read(0.5)) {
        if ($one == $clients) {
          my $client = accepted($clients) or next;
          if (@waiting < 200) { push @waiting, $client } else { close $client }
        } elsif ($one == $taps) {
          my $tap = accepted($taps) or next;
          if (keys %state > 200) { close $tap; next }
          $select->add($tap);
          $state{fileno $tap} = { socket => $tap, is => 'new', said => '', until => time + 5 };
        } else {
          my $state = $state{fileno $one} or next;
          my $want = $state->{is} eq 'new' ? length($token) - length($state->{said}) : 1;
          my $count = sysread($one, my $bytes, $want);
          if (!$count) { unshift @waiting, $state->{client} if $state->{client}; drop($one); next }
          if ($state->{is} eq 'new') {
            $state->{said} .= $bytes;
            next if length $state->{said} < length $token;
            if ($state->{said} ne $token) { print "a connection without the token\n"; drop($one); next }
            $state->{is} = 'free'; delete $state->{until};
            syswrite $one, 'R';
          } elsif ($state->{is} eq 'asked' && $bytes eq 'T') {
            pair($one, $state->{client});
          } else {
            unshift @waiting, $state->{client} if $state->{client};
            drop($one);
          }
        }
      }
      for my $late (grep { $_->{until} && $_->{until} < time } values %state) {
        unshift @waiting, $late->{client} if $late->{client};
        drop($late->{socket});
      }
      my @free = grep { $_->{is} eq 'free' } values %state;
      while (@waiting && @free) {
        my $state = shift @free;
        @$state{qw(is client until)} = ('asked', shift @waiting, time + 2);
        syswrite $state->{socket}, 'C';
      }
    }
    """#
}
