#include "query/http/listener.h"

#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "base/log.h"

namespace dashcap {
namespace {

constexpr int kBacklog = 128;
constexpr char kUnix[] = "unix:";
constexpr char kTcp[] = "tcp:";

Result<sockaddr_un> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Fail(ErrorKind::kInvalidInput, "listen unix:" + path + ": the path must have 1 to 107 bytes");
  }
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

// A socket file outlives its server; one that nobody answers on may go.
Status RemoveStale(const sockaddr_un& address) {
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return Fail(ErrorKind::kUnavailable,
                std::string("listen unix:") + address.sun_path + ": another server answers there");
  }
  if (errno == ECONNREFUSED && ::unlink(address.sun_path) != 0)
    return Fail(SystemError(std::string("remove ") + address.sun_path));
  return {};
}

Status GiveToGroup(const std::string& path, const std::string& group) {
  if (const ::group* entry = ::getgrnam(group.c_str())) {
    if (::chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0) {
      LogWarning("{}; only its owner can connect", SystemError("give " + path + " to group " + group).message);
    }
  } else if (!group.empty()) {
    LogWarning("{}: there is no group {}; only its owner can connect", path, group);
  }
  if (::chmod(path.c_str(), 0660) != 0) return Fail(SystemError("permissions of " + path));
  return {};
}

Result<Listener> ListenUnix(const std::string& name, const std::string& path, const std::string& group) {
  auto address = UnixAddress(path);
  if (!address) return Fail(address.error());
  if (Status status = RemoveStale(*address); !status) return Fail(status.error());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  const int error = errno;
  ::umask(mask);
  if (bound != 0) return Fail(SystemError("listen " + name, error));
  if (Status status = GiveToGroup(path, group); !status) return Fail(status.error());
  if (::listen(socket.get(), kBacklog) != 0) return Fail(SystemError("listen " + name));
  return Listener{std::move(socket), name, false, path};
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Listener> ListenTcp(const std::string& name, const std::string& host_and_port) {
  const size_t colon = host_and_port.rfind(':');
  std::string host = host_and_port.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (colon == std::string::npos) return Fail(ErrorKind::kInvalidInput, "listen " + name + ": expected tcp:HOST:PORT");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), host_and_port.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return Fail(ErrorKind::kInvalidInput, "listen " + name + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
  FileDescriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return Fail(SystemError("listen " + name));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return Fail(SystemError("listen " + name));
  }
  return Listener{std::move(socket), name, true, ""};
}

}  // namespace

Result<Listener> Listen(const std::string& address, const std::string& group) {
  if (address.starts_with(kUnix)) return ListenUnix(address, address.substr(sizeof kUnix - 1), group);
  if (address.starts_with(kTcp)) return ListenTcp(address, address.substr(sizeof kTcp - 1));
  return Fail(ErrorKind::kInvalidInput, "listen " + address + ": expected unix:/PATH or tcp:HOST:PORT");
}

}  // namespace dashcap
