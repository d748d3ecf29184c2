#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/time.h"
#include "packet/decoder.h"

namespace dashcap {

// Gives the later fragments of a datagram the ports of its first one. Packets must be shown in the order of their
// blockfile, starting at its first packet (or at least kFragmentLifetime before the packets that matter), so that
// whoever indexes a file and whoever scans it come to the same flows. Fixed memory: a new datagram takes the place of
// an older one with the same hash. Fragments that overtake their first one keep no ports. One thread.
class FragmentTable {
 public:
  static constexpr Nanoseconds kFragmentLifetime = std::chrono::seconds(30);  // RFC 8200's limit is 60 s, Linux uses 30

  FragmentTable();
  ~FragmentTable();
  FragmentTable(FragmentTable&&) noexcept;
  FragmentTable& operator=(FragmentTable&&) noexcept;

  // Requires: decoded.fragment.is_fragment. Remembers a first fragment; completes the key of a later one.
  void Resolve(Timestamp time, Decoded& decoded);

 private:
  struct Entry;
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace dashcap
