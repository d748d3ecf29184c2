#include "base/time.h"
namespace dashcap {
Timestamp Now() { return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()); }
}
