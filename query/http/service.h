#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "query/answer/request.h"
#include "query/http/access.h"
#include "query/search/search.h"

namespace dashcap {

struct HttpRequest {
  std::string method;
  std::string target;  // path and query
  std::string content_type;
  std::string authorization;
  std::string body;
  std::string peer;          // for the audit log
  bool needs_token = false;  // it came by TCP
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

// Takes a response apart from how it is sent. Exactly one Send, or Begin, any number of Write, and End, or Break.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void Send(unsigned status, const std::string& content_type, const std::string& body,
                    const HttpFields& fields) = 0;
  // The names of the trailers are announced.
  virtual void Begin(const std::string& content_type, const std::vector<std::string>& trailers) = 0;
  // False when the client is gone.
  virtual bool Write(std::span<const uint8_t> bytes) = 0;
  virtual void End(const HttpFields& trailers) = 0;
  // The answer can't be finished, and the client shall see that.
  virtual void Break() = 0;
};

// The HTTP interface: docs/http-api.md. Any number of threads.
class QueryService {
 public:
  struct Options {
    std::string recorder_status_file;
    uint32_t max_concurrent_queries = 8;
  };
  QueryService(Archive& archive, TokenCheck tokens, Options options)
      : archive_(archive), tokens_(std::move(tokens)), options_(std::move(options)) {}

  // A stop ends a search that is under way.
  void Handle(const HttpRequest& request, Responder& responder, std::stop_token stop);

 private:
  struct Call;
  using Handler = void (QueryService::*)(const Call&);
  struct Route {
    const char* path;
    Handler handler;
    bool is_query;  // counts against the limit, and is written to the audit log
  };
  static const std::vector<Route>& Routes();

  bool Admit(const HttpRequest& request, Responder& responder, std::string& who) const;
  void Query(const Route& route, const Call& call);

  void Health(const Call& call);
  void Packets(const Call& call);
  void Count(const Call& call);
  void Explain(const Call& call);
  void Gaps(const Call& call);
  void Files(const Call& call);
  void Status(const Call& call);

  Archive& archive_;
  const TokenCheck tokens_;
  const Options options_;
  std::atomic<uint32_t> queries_ = 0;
};

// {"error": {"message": …}}, as every error of the service is told.
std::string ErrorBody(const std::string& message);

}  // namespace dashcap
