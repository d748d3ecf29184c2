#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "query/answer/request.h"
#include "query/search/search.h"

namespace dashcap {

// Turns the packets of an answer into bytes of a format, appended to a buffer that the caller sends on. One thread.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  virtual const char* content_type() const = 0;
  // What stands before the first packet, when that is known without one.
  virtual void Begin(std::vector<uint8_t>& out) = 0;
  // False when the format cannot hold the packet beside those before it.
  virtual bool Append(const FoundPacket& found, const std::vector<Interface>& interfaces,
                      std::vector<uint8_t>& out) = 0;
  virtual void End(const PacketStream& stream, uint64_t left_out, std::vector<uint8_t>& out) = 0;
};

// pcap with nanoseconds: packets of one link type, that of the first; others don't fit.
// pcapng: what is missing stands in the comment of its statistics record.
// JSON: a line for each packet, and a last one with "summary".
std::unique_ptr<AnswerWriter> MakeAnswerWriter(AnswerFormat format, std::string query);

}  // namespace dashcap
