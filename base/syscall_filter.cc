#include "base/syscall_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/sanitizers.h"

namespace dashcap {
namespace {

// A handler that runs later is too late to answer a refused call.
constexpr uint32_t kRefuse = kDelaysSignals ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP;

constexpr const char* kIntrudersCalls[] = {
    "execve",
    "execveat",
    "process_vm_readv",
    "process_vm_writev",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "bpf",
    "mount",
    "umount2",
    "move_mount",
    "open_tree",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "userfaultfd",
    "perf_event_open",
    "add_key",
    "keyctl",
    "reboot",
    "swapon",
};

// What a signal handler may use: made before the filter, never changed after.
constexpr size_t kCallNumbers = 1024;
std::array<const char*, kCallNumbers> call_names{};
std::array<std::atomic<bool>, kCallNumbers> already_told{};
std::string_view line_prefix;

void Tell(size_t number) {
  if (number >= kCallNumbers || already_told[number].exchange(true)) return;
  std::array<char, 128> line;
  size_t size = 0;
  const auto append = [&line, &size](std::string_view text) {
    size += text.copy(line.data() + size, line.size() - size);
  };
  append(line_prefix);
  append("sandbox: refused system call ");
  append(call_names[number] ? call_names[number] : "unknown");
  append("\n");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), size);
}

// seccomp(2), SECCOMP_RET_TRAP: the handler says what the call returns.
void AnswerRefusedCall(int, siginfo_t* information, void* context) {
  const int saved_errno = errno;
  Tell(static_cast<size_t>(information->si_syscall));
  mcontext_t& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  registers.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
  registers.regs[0] = static_cast<unsigned long long>(-EPERM);
#else
#error "say here which register holds the result of a system call"
#endif
  errno = saved_errno;
}

Status PrepareHandler() {
  for (size_t number = 0; number < kCallNumbers; number++) {
    // Kept for the life of the process.
    call_names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
  }
  if (std::getenv("JOURNAL_STREAM")) line_prefix = "<4>";
  struct sigaction action {};
  action.sa_sigaction = AnswerRefusedCall;
  action.sa_flags = SA_SIGINFO;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return Fail(SystemError("handle SIGSYS"));
  return {};
}

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

Status Add(const Filter& filter, uint32_t action, const AllowedCall& call) {
  const int number = seccomp_syscall_resolve_name(call.name);
  if (number == __NR_SCMP_ERROR) return {};  // newer than this libseccomp
  int error = 0;
  if (call.only) {
    const scmp_arg_cmp condition{call.only->argument, SCMP_CMP_MASKED_EQ, call.only->mask, call.only->value};
    error = seccomp_rule_add_array(filter.get(), action, number, 1, &condition);
  } else {
    error = seccomp_rule_add_array(filter.get(), action, number, 0, nullptr);
  }
  if (error != 0) return Fail(SystemError(std::string("seccomp: ") + call.name, -error));
  return {};
}

}  // namespace

std::vector<AllowedCall> CommonCalls() {
  constexpr uint64_t kAnyBits = 0xFFFFFFFF;
  const auto own_pid = static_cast<uint64_t>(::getpid());
  std::vector<AllowedCall> calls = {
      // Memory, but none that can be executed: everything is loaded by then.
      "brk",
      "munmap",
      "mremap",
      "madvise",
      "membarrier",
      {"mmap", {2, PROT_EXEC, 0}},
      {"mprotect", {2, PROT_EXEC, 0}},
      // Threads, but no processes.
      {"clone", {0, CLONE_THREAD, CLONE_THREAD}},
      "set_robust_list",
      "get_robust_list",
      "set_tid_address",
      "rseq",
      "futex",
      "exit",
      "exit_group",
      "gettid",
      "getpid",
      "sched_yield",
      "sched_getaffinity",
      "sched_setaffinity",
      "getpriority",
      "setpriority",
      {"prctl", {0, kAnyBits, PR_SET_NAME}},
      // Signals to itself.
      "rt_sigaction",
      "rt_sigprocmask",
      "rt_sigreturn",
      "rt_sigtimedwait",
      "sigaltstack",
      "restart_syscall",
      {"tgkill", {0, kAnyBits, own_pid}},
      // Clocks and what the machine is.
      "clock_gettime",
      "clock_getres",
      "clock_nanosleep",
      "nanosleep",
      "gettimeofday",
      "time",
      "getrandom",
      "uname",
      "sysinfo",
      "getrusage",
      "prlimit64",
      "getrlimit",
      "getuid",
      "geteuid",
      "getgid",
      "getegid",
      "getcpu",
      // Descriptors.
      "read",
      "readv",
      "pread64",
      "preadv",
      "write",
      "writev",
      "lseek",
      "close",
      "dup",
      "fcntl",
      "poll",
      "ppoll",
      "epoll_create1",
      "epoll_ctl",
      "epoll_wait",
      "epoll_pwait",
      "epoll_pwait2",
      "eventfd2",
      "timerfd_create",
      "timerfd_settime",
      "fadvise64",
      "flock",
      // Files; which ones is Landlock's business.
      "open",
      "openat",
      "stat",
      "fstat",
      "lstat",
      "newfstatat",
      "statx",
      "statfs",
      "fstatfs",
      "access",
      "faccessat",
      "faccessat2",
      "getdents64",
      "readlink",
      "readlinkat",
      "getcwd",
      "unlink",
      "unlinkat",
      // Sockets that are there, and Unix sockets, by which systemd is told how we are.
      {"socket", {0, kAnyBits, AF_UNIX}},
      "connect",
      "sendto",
      "sendmsg",
      "recvfrom",
      "recvmsg",
      "getsockopt",
      "setsockopt",
      "getsockname",
      "getpeername",
      "shutdown",
  };
  if (kChecksMemory) {
    // They find out by a pipe whether memory is readable.
    for (const char* call : {"pipe", "pipe2"}) calls.emplace_back(call);
  }
  return calls;
}

Status AllowOnly(const std::vector<AllowedCall>& calls) {
  if (Status status = PrepareHandler(); !status) return status;
  const Filter filter(seccomp_init(kRefuse));
  if (!filter) return Fail(ErrorKind::kIo, "seccomp: out of memory");
  for (const AllowedCall& call : calls) {
    if (Status status = Add(filter, SCMP_ACT_ALLOW, call); !status) return status;
  }
  // Its arguments can't be looked at. libc then uses clone.
  if (Status status = Add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3"); !status) return status;
  for (const char* call : kIntrudersCalls) {
    if (Status status = Add(filter, SCMP_ACT_KILL_PROCESS, call); !status) return status;
  }
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0);
  // A library may have started threads.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  const int error = seccomp_load(filter.get());
  if (error != 0) return Fail(SystemError("seccomp", -error));
  return {};
}

}  // namespace dashcap
