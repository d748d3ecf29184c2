#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/capture_writer.h"
#include "packet/packet.h"

namespace dashcap {

// Where a lane's packets come from: a network interface, a capture file. One thread.
class CaptureSource {
 public:
  virtual ~CaptureSource() = default;

  // Packet::interface_id points in here. May grow, during Poll only; what is there changes only when Poll says so.
  virtual const std::vector<Interface>& interfaces() const = 0;

  enum class Outcome {
    kMore,     // call again
    kChanged,  // call again; interfaces() says something else of the packets that come now
    kEnded,    // there will never be another packet
  };
  // Hands out the packets that are there, or waits for the first, at most until the timeout. The packets live until the
  // callback returns. An error is final; packets before it were handed out.
  virtual Result<Outcome> Poll(std::chrono::milliseconds timeout,
                               const std::function<void(const Packet&)>& deliver) = 0;

  // Cumulative, by interface. Sources that cannot drop count nothing but what they received.
  virtual std::vector<InterfaceCounts> Counts() = 0;

  // Whether there is nothing to receive from at the moment: the interface is down, or gone.
  virtual bool LinkDown() const { return false; }

  // Records only what this pcap-filter(7) expression accepts, from a packet that comes soon on; a later Poll says kChanged
  // before it. An error leaves the filter as it is.
  virtual Status SetFilter(const std::string& text) {
    return Fail(ErrorKind::kInvalidInput, "filter \"" + text + "\": this source takes a new one at a restart only");
  }
};

}  // namespace dashcap
