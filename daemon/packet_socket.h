#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include <span>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace dashcap {

// A packet(7) socket of an interface. Every error names the interface. One thread.
class PacketSocket {
 public:
  // Unbound: it receives nothing.
  static Result<PacketSocket> Open(const std::string& interface);

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }  // "interface eth0", as errors begin

  // Takes the place of the program before, at once and for good: each packet is judged by one of the two.
  Status Attach(std::span<const sock_filter> program);
  // Nobody can change the attached program any more, not even we.
  Status LockFilter();
  // For a socket that nobody reads.
  Status UseSmallestBuffer();
  // From here on packets arrive that the attached program accepts. Index 0: of all interfaces.
  Status Bind(unsigned interface_index);
  // As long as the socket is open, however it ends.
  Status SetPromiscuous(unsigned interface_index);
  // Sets another option of SOL_PACKET. `what` names it in the error.
  template <class T>
  Status Set(int option, const T& value, const char* what) {
    return SetOption(SOL_PACKET, option, &value, sizeof value, what);
  }
  // Why the socket reports trouble; 0: it does not.
  int TakeError();

  struct Statistics {
    uint32_t packets = 0;  // accepted by the program, dropped ones included
    uint32_t drops = 0;    // no room in the ring
    uint32_t freezes = 0;  // times that the ring had become full
  };
  // Since the last call.
  Statistics TakeStatistics();

 private:
  Status SetOption(int level, int option, const void* value, socklen_t size, const char* what);

  FileDescriptor fd_;
  std::string name_;
};

}  // namespace dashcap
