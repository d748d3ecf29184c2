#include "base/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "base/capabilities.h"
#include "base/sanitizers.h"

namespace dashcap {
namespace {

// Runs in a child, because nothing of this can be undone. The child leaves by _exit, so that no check at the end of a
// process, which would ask for more, is in the way.
void InChild(const std::function<Status()>& confine, const std::function<bool()>& holds) {
  const Status status = confine();
  if (!status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    ::_exit(2);
  }
  ::_exit(holds() ? 0 : 1);
}

bool CanOpen(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

Status OnlyCommonCalls() {
  if (Status status = KeepCapabilities({}); !status) return status;
  return AllowOnly(CommonCalls());
}

// What is refused is told by a signal handler, unless the build's handlers come too late for that.
std::string Told(const std::string& line) { return kDelaysSignals ? "^$" : line; }

TEST(SyscallFilter, RefusesWhatIsNotAllowedAndSaysSoOnce) {
  const auto refused = [] {
    const bool first = ::socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM;
    return first && ::socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM;
  };
  EXPECT_EXIT(InChild(OnlyCommonCalls, refused), testing::ExitedWithCode(0),
              Told("^sandbox: refused system call socket\n$"));
}

TEST(SyscallFilter, LetsThreadsStartAndRefusesThemTheSame) {
  const auto refused = [] {
    bool in_thread = false;
    std::thread([&in_thread] { in_thread = ::mkdir("/tmp/dashcap-never", 0700) != 0 && errno == EPERM; }).join();
    return in_thread;
  };
  EXPECT_EXIT(InChild(OnlyCommonCalls, refused), testing::ExitedWithCode(0), Told("refused system call mkdir"));
}

TEST(SyscallFilter, KillsWhoeverStartsAProgram) {
  const auto start = [] {
    ::execl("/bin/true", "true", nullptr);
    return true;
  };
  EXPECT_EXIT(InChild(OnlyCommonCalls, start), testing::KilledBySignal(SIGSYS), "");
}

TEST(Landlock, LeavesTheNamedFilesOnly) {
  const auto base = std::filesystem::temp_directory_path() / ("dashcap-landlock-" + std::to_string(::getpid()));
  for (const char* name : {"read", "write", "remove", "other"}) {
    std::filesystem::create_directories(base / name);
    ASSERT_TRUE(CanOpen(base / name / "file", O_CREAT | O_WRONLY));
  }
  FileAccess allowed;
  allowed.read = {base / "read", base / "missing"};
  allowed.write = {base / "write"};
  allowed.remove = {base / "remove"};
  const auto confine = [&]() -> Status {
    const auto abi = RestrictFileAccess(allowed);
    if (!abi) return Fail(abi.error());
    return *abi > 0 ? Status() : Fail(ErrorKind::kUnavailable, "no Landlock in this kernel");
  };
  const struct {
    const char* label;
    std::function<bool()> holds;
  } cases[] = {
      {"read", [&] { return CanOpen(base / "read/file", O_RDONLY) && CanOpen(base / "read", O_RDONLY | O_DIRECTORY); }},
      {"not written", [&] { return !CanOpen(base / "read/file", O_WRONLY) && errno == EACCES; }},
      {"not made", [&] { return !CanOpen(base / "read/new", O_WRONLY | O_CREAT) && errno == EACCES; }},
      {"not removed", [&] { return ::unlink((base / "read/file").c_str()) != 0 && errno == EACCES; }},
      {"written", [&] { return CanOpen(base / "write/file", O_RDWR | O_TRUNC); }},
      {"made", [&] { return CanOpen(base / "write/new", O_WRONLY | O_CREAT); }},
      {"renamed", [&] { return ::rename((base / "write/new").c_str(), (base / "write/newer").c_str()) == 0; }},
      {"removed", [&] { return ::unlink((base / "write/newer").c_str()) == 0; }},
      {"no link made", [&] { return ::symlink("/etc", (base / "write/link").c_str()) != 0 && errno == EACCES; }},
      {"removable, not readable",
       [&] { return !CanOpen(base / "remove/file", O_RDONLY) && ::unlink((base / "remove/file").c_str()) == 0; }},
      {"others", [&] { return !CanOpen(base / "other/file", O_RDONLY) && errno == EACCES; }},
      {"in threads that start later",
       [&] {
         bool refused = false;
         std::thread([&] { refused = !CanOpen(base / "other/file", O_RDONLY); }).join();
         return refused;
       }},
  };
  for (const auto& [label, holds] : cases) {
    EXPECT_EXIT(InChild(confine, holds), testing::ExitedWithCode(0), "") << label;
  }
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace dashcap
