#pragma once

#include <cstdint>
#include <string>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace dashcap {

struct LinkState {
  std::string name;  // which may be changed while the index stays
  bool up = false;   // by whoever administers it; whether there is a carrier is another matter
  // Packets that came to the interface and were dropped before any socket could see them: rx_missed_errors,
  // rx_fifo_errors and rx_dropped of the kernel document statistics.rst. Cumulative since the interface was made.
  uint64_t nic_drops = 0;
};

// Asks the kernel about interfaces (rtnetlink(7)). One thread.
class LinkQuery {
 public:
  static Result<LinkQuery> Open();

  // kNotFound: there is none with this index.
  Result<LinkState> Ask(unsigned interface_index);

 private:
  FileDescriptor socket_;
  uint32_t sequence_ = 0;
};

}  // namespace dashcap
