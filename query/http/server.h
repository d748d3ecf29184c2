#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "query/http/listener.h"
#include "query/http/service.h"

namespace dashcap {

class Connection;

// Accepts connections and serves each on a thread of its own, so that a slow client slows nobody but itself. Notices
// clients that went away, and ends their searches.
class Server {
 public:
  Server(std::vector<Listener> listeners, QueryService& service);
  ~Server();

  // Serves until the stop; searches that are under way then are broken off.
  void Run(std::stop_token stop);
  // Grows while Run looks after its clients. Any thread.
  uint64_t rounds() const { return rounds_; }

 private:
  struct Client;

  void Accept(const Listener& listener);
  // Ends searches whose clients have gone, and forgets connections that have ended.
  void LookAfterClients(bool stopping);

  static constexpr size_t kMaxConnections = 256;
  std::vector<Listener> listeners_;
  QueryService& service_;
  std::list<std::unique_ptr<Client>> clients_;
  std::atomic<uint64_t> rounds_ = 0;
};

}  // namespace dashcap
