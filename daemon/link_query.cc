#include "daemon/link_query.h"

#include <net/if.h>

// After net/if.h, which declares the same as linux/if.h and yields to it only in this order.
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace dashcap {
namespace {

constexpr size_t kLongestAnswer = 32768;

struct Request {
  nlmsghdr header{};
  ifinfomsg link{};
};

LinkState StateOf(const nlmsghdr* message) {
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  LinkState state;
  state.up = (link->ifi_flags & IFF_UP) != 0;
  auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *link));
  for (const rtattr* attribute = IFLA_RTA(link); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type == IFLA_IFNAME) state.name = static_cast<const char*>(RTA_DATA(attribute));
    if (attribute->rta_type != IFLA_STATS64) continue;
    rtnl_link_stats64 statistics{};
    std::memcpy(&statistics, RTA_DATA(attribute), std::min<size_t>(RTA_PAYLOAD(attribute), sizeof statistics));
    state.nic_drops = statistics.rx_missed_errors + statistics.rx_fifo_errors + statistics.rx_dropped;
  }
  return state;
}

}  // namespace

Result<LinkQuery> LinkQuery::Open() {
  LinkQuery query;
  query.socket_ = FileDescriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!query.socket_.valid()) return Fail(SystemError("netlink socket"));
  return query;
}

Result<LinkState> LinkQuery::Ask(unsigned interface_index) {
  const std::string what = "state of interface " + std::to_string(interface_index);
  Request request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = ++sequence_;
  request.link.ifi_index = static_cast<int>(interface_index);
  if (::send(socket_.get(), &request, sizeof request, 0) < 0) return Fail(SystemError(what));
  std::vector<char> answer(kLongestAnswer);
  while (true) {
    // The kernel answers within the call that asks.
    const ssize_t size = ::recv(socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    if (size < 0) return Fail(SystemError(what));
    const auto* message = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (!NLMSG_OK(message, static_cast<size_t>(size))) return Fail(ErrorKind::kIo, what + ": an answer that is cut");
    if (message->nlmsg_seq != sequence_) continue;  // to a question that was given up
    if (message->nlmsg_type == NLMSG_ERROR)
      return Fail(SystemError(what, -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error));
    return StateOf(message);
  }
}

}  // namespace dashcap
