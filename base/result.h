#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace dashcap {

// The value, or the reason why there is none. A type of its own rather than an alias because tl::expected 1.0 is not
// nodiscard, and an error that nobody looked at is how a recorder loses packets silently.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};

// Done, or the reason why not.
using Status = Result<void>;

inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> Fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

}  // namespace dashcap
