#include "query/http/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/log.h"
#include "tests/fuzz/small_archive.h"
#include "tests/fuzz/target.h"

// An input is what a client sends, and then no more. What comes back must begin like HTTP.
namespace dashcap {
namespace {

std::string ReadAll(int socket) {
  std::string received;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(socket, buffer, sizeof buffer);
    if (got <= 0) return received;
    received.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  return {
      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /healthz HTTP/1.0\r\n\r\n",
      "GET /api/v1/packets?q=udp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "GET /api/v1/packets?q=udp&format=json HTTP/1.0\r\n\r\n",
      "POST /api/v1/count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nudp",
      "POST /api/v1/count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nudp\r\n0\r\n\r\n",
      "GET /api/v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /healthz HTTP/1.1\r\n\r\n",
      "GIVE ME PACKETS\r\n\r\n",
      "HEAD /api/v1/status HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
  };
}

}  // namespace dashcap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dashcap;
  SetLogLevel(LogLevel::kError);
  static QueryService service(SmallArchive(), SmallTokens(), {});
  constexpr size_t kFitsSocket = 64 * 1024;
  int ends[2];
  Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets can be made");
  FileDescriptor client(ends[0]);
  FileDescriptor server(ends[1]);
  const ssize_t sent = ::write(client.get(), data, std::min(size, kFitsSocket));
  Require(sent == static_cast<ssize_t>(std::min(size, kFitsSocket)), "the socket takes the request");
  ::shutdown(client.get(), SHUT_WR);
  std::string received;
  std::thread reader([&] { received = ReadAll(client.get()); });
  ServeConnection(std::move(server), false, "fuzz", service, {});
  reader.join();
  Require(received.empty() || received.starts_with("HTTP/1."), "an answer is HTTP");
  return 0;
}
