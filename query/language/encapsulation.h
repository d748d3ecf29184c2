#pragma once

#include "query/language/expression.h"

namespace dashcap {

// In pcap-filter(7) `pppoes` and `geneve` make what stands behind them speak of what is inside: `pppoes 7 and host H` is
// about the inner addresses. The decoder doesn't go there, so this puts libpcap's reading beside each primitive's own:
// `pppoes 7 and (host H or X)` where X is the PacketTerm `pppoes 7 and host H`. For evaluating, not for printing: such a
// term is more than one primitive. A query without these comes back as it is.
ExpressionPtr WithInnerReading(const ExpressionPtr& expression);

// The same for `vlan` and `mpls` too, for link types whose tags the decoder doesn't see either.
ExpressionPtr WithInnerReadingOfTags(const ExpressionPtr& expression);

}  // namespace dashcap
