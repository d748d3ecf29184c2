#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "base/result.h"
#include "packet/capture_writer.h"
#include "packet/packet.h"

namespace dashcap {

// Where a lane's packets come from: a network interface, a capture file. One thread.
class CaptureSource {
 public:
  virtual ~CaptureSource() = default;

  // Packet::interface_id points in here. May grow, during Poll only.
  virtual const std::vector<Interface>& interfaces() const = 0;

  enum class Outcome {
    kMore,   // call again
    kEnded,  // there will never be another packet
  };
  // Hands out the packets that are there, or waits for the first, at most until the timeout. The packets live until the
  // callback returns. An error is final; packets before it were handed out.
  virtual Result<Outcome> Poll(std::chrono::milliseconds timeout,
                               const std::function<void(const Packet&)>& deliver) = 0;

  // Cumulative, by interface. Sources that cannot drop count nothing but what they received.
  virtual std::vector<InterfaceCounts> Counts() = 0;
};

}  // namespace dashcap
