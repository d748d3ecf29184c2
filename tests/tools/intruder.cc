// Preloaded into a daemon, this does what somebody would who got in, once the daemon is at work: on its first renamed
// file or accepted connection. Prints how each attempt ended, one line each, "intruder: WHAT: CAUSE".

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::atomic<bool> tried = false;

void Tell(const char* what, bool succeeded) {
  const int error = errno;
  std::array<char, 256> line;
  const int size = std::snprintf(line.data(), line.size(), "intruder: %s: %s\n", what,
                                 succeeded ? "succeeded" : strerrorname_np(error));
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), static_cast<size_t>(size));
}

void TellOpen(const char* what, const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  Tell(what, fd >= 0);
  if (fd >= 0) ::close(fd);
}

void TellSocket(const char* what, int family, int type) {
  const int fd = ::socket(family, type, 0);
  Tell(what, fd >= 0);
  if (fd >= 0) ::close(fd);
}

void Try() {
  if (tried.exchange(true)) return;
  const std::string archive = std::getenv("INTRUDER_ARCHIVE");
  TellOpen("read a foreign file", "/etc/passwd", O_RDONLY);
  TellOpen("list a foreign directory", "/", O_RDONLY | O_DIRECTORY);
  TellOpen("write a foreign file", std::string(std::getenv("INTRUDER_FOREIGN")) + "/new", O_WRONLY | O_CREAT);
  TellOpen("list the archive", archive, O_RDONLY | O_DIRECTORY);
  TellOpen("write into the archive", archive + "/intruder", O_WRONLY | O_CREAT);
  Tell("link into the archive", ::symlink("/etc/passwd", (archive + "/link").c_str()) == 0);
  TellSocket("connect by TCP", AF_INET, SOCK_STREAM);
  TellSocket("capture", AF_PACKET, SOCK_RAW);
  Tell("signal another process", ::kill(::getppid(), 0) == 0);
  Tell("trace a process", ::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0) == 0);
  Tell("become root", ::setresuid(0, 0, 0) == 0);
  Tell("make code", ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  Tell("change an owner", ::chown(archive.c_str(), 12345, 12345) == 0);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  Tell("start a process", child > 0);
  Tell("done", true);
}

}  // namespace

extern "C" {

int rename(const char* from, const char* to) noexcept {
  static const auto real = reinterpret_cast<int (*)(const char*, const char*)>(::dlsym(RTLD_NEXT, "rename"));
  const int result = real(from, to);
  Try();
  return result;
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static const auto real = reinterpret_cast<int (*)(int, sockaddr*, socklen_t*, int)>(::dlsym(RTLD_NEXT, "accept4"));
  const int result = real(fd, address, size, flags);
  if (result >= 0) Try();
  return result;
}

}  // extern "C"
