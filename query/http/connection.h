#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/file_descriptor.h"
#include "query/http/service.h"

namespace dashcap {

// Reads requests from one connected socket and has them answered, one after the other, until either side has had
// enough. HTTP/1.1 by Boost.Beast; every wait has an end.
void ServeConnection(FileDescriptor socket, bool needs_token, const std::string& peer, QueryService& service,
                     std::stop_token stop);

}  // namespace dashcap
