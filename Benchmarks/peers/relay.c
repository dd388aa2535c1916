// The floor of any tap: a relay that reads what one side sends and writes it to the other, and knows nothing of it.
// usage: relay PORT. Prints the port that it listens on; ends with its standard input.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MOST = 1024, LENGTH = 65536 };
static int other[MOST];
static char bytes[LENGTH];

static struct sockaddr_in address(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(int poll, int file) {
  int yes = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = file};
  epoll_ctl(poll, EPOLL_CTL_ADD, file, &event);
}

static void pass(int from) {
  ssize_t count = read(from, bytes, LENGTH);
  for (ssize_t done = 0; done < count;) {
    // Blocking: who does not read holds the other back.
    ssize_t written = write(other[from], bytes + done, count - done);
    if (written < 0) count = 0;
    done += written;
  }
  if (count > 0) return;
  close(other[from]);
  close(from);
}

int main(int argc, char **argv) {
  if (argc != 2) return 64;
  int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
  struct sockaddr_in own = address(0), upstream = address(atoi(argv[1]));
  socklen_t length = sizeof own;
  if (bind(listener, (struct sockaddr *)&own, length) || listen(listener, 64)) return 1;
  getsockname(listener, (struct sockaddr *)&own, &length);
  printf("%d\n", ntohs(own.sin_port));
  fflush(stdout);
  watch(poll, listener);
  watch(poll, STDIN_FILENO);
  struct epoll_event events[64];
  for (;;) {
    int count = epoll_wait(poll, events, 64, -1);
    for (int index = 0; index < count; index++) {
      int file = events[index].data.fd;
      if (file == STDIN_FILENO) return 0;
      if (file != listener) {
        pass(file);
        continue;
      }
      int client = accept(listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM, 0);
      if (client < 0 || server < 0 || client >= MOST || server >= MOST) return 1;
      if (connect(server, (struct sockaddr *)&upstream, sizeof upstream)) return 1;
      other[client] = server;
      other[server] = client;
      watch(poll, client);
      watch(poll, server);
    }
  }
}
