#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dashcap {

// A primitive of pcap-filter(7), or one of the ways to put two of them together.
struct Filter {
  enum class Form { kPrimitive, kNot, kAnd, kOr, kNeither, kAndNot };
  std::string text;
  Form form = Form::kPrimitive;
  size_t first = 0;  // which primitives of the table
  size_t second = 0;
  bool rare = false;  // no capture that tcpdump reads has a packet of the kind
  bool is_primitive() const { return form == Form::kPrimitive; }
};

// Every primitive of the manual page, by itself, then each with `not`, `and` and `or`. Where `vlan`, `mpls`, `pppoes`
// and `geneve` are used with another one they stand last, because tcpdump lets them change what stands behind them.
// With parentheses, because tcpdump gives `and` and `or` the same precedence.
std::vector<Filter> FiltersOfManualPage();

}  // namespace dashcap
