#pragma once

#include <span>

#include "base/result.h"

namespace dashcap {

// Gives up, for this thread and those that it starts, every capability but these (capabilities(7)), and with them the
// ways to get any back: no-new-privileges is set, inheritable, ambient and bounding sets are emptied. One that the
// process hasn't got is not gained. Requires: no thread but this one.
Status KeepCapabilities(std::span<const int> capabilities);

}  // namespace dashcap
