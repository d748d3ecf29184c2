#include "query/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "base/log.h"
#include "query/http/connection.h"

namespace dashcap {
namespace {

constexpr int kPollMilliseconds = 200;

// "uid 1000 pid 4711" of a Unix socket's other end, "192.0.2.1 port 40000" of TCP's.
std::string PeerOf(int fd, bool is_tcp) {
  if (!is_tcp) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return "uid " + std::to_string(credentials.uid) + " pid " + std::to_string(credentials.pid);
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return std::string(text.data()) + " port " + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return std::string(text.data()) + " port " + std::to_string(ntohs(v4.sin_port));
}

}  // namespace

struct Server::Client {
  FileDescriptor watched;  // a second descriptor of the connection, for looking and for ending it
  std::atomic<bool> done = false;
  std::jthread thread;
};

Server::Server(std::vector<Listener> listeners, QueryService& service)
    : listeners_(std::move(listeners)), service_(service) {}

Server::~Server() {
  for (const Listener& listener : listeners_) {
    if (!listener.unlink.empty()) ::unlink(listener.unlink.c_str());
  }
}

void Server::Run(std::stop_token stop) {
  ::pthread_setname_np(::pthread_self(), "serving");
  std::vector<pollfd> polled;
  for (const Listener& listener : listeners_) polled.push_back({listener.socket.get(), POLLIN, 0});
  while (!stop.stop_requested()) {
    if (::poll(polled.data(), polled.size(), kPollMilliseconds) > 0) {
      for (size_t i = 0; i < polled.size(); i++) {
        if ((polled[i].revents & POLLIN) != 0) Accept(listeners_[i]);
      }
    }
    LookAfterClients(false);
    rounds_++;
  }
  LookAfterClients(true);
  clients_.clear();
}

void Server::Accept(const Listener& listener) {
  FileDescriptor socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket.valid()) return;
  if (clients_.size() >= kMaxConnections) {
    LogWarning("{}: more than {} connections; one is refused", listener.name, kMaxConnections);
    return;
  }
  auto client = std::make_unique<Client>();
  client->watched = FileDescriptor(::dup(socket.get()));
  const std::string peer = PeerOf(socket.get(), listener.needs_token);
  client->thread = std::jthread([this, peer, needs_token = listener.needs_token, done = &client->done,
                                 moved = std::move(socket)](std::stop_token stop) mutable {
    ServeConnection(std::move(moved), needs_token, peer, service_, std::move(stop));
    done->store(true);
  });
  clients_.push_back(std::move(client));
}

void Server::LookAfterClients(bool stopping) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    pollfd state{(*client)->watched.get(), POLLRDHUP, 0};
    const bool gone = ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    if (gone || stopping) (*client)->thread.request_stop();
    if (stopping) ::shutdown((*client)->watched.get(), SHUT_RDWR);
    client = (*client)->done ? clients_.erase(client) : std::next(client);
  }
}

}  // namespace dashcap
