#pragma once

// What this build was instrumented with, for the few places where that changes what a process has to be allowed.
namespace dashcap {

#if defined(__has_feature)
#define DASHCAP_HAS_FEATURE(feature) __has_feature(feature)
#else
#define DASHCAP_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || DASHCAP_HAS_FEATURE(address_sanitizer)
// Checks of addresses and of undefined behaviour ask the system about the memory of the process.
inline constexpr bool kChecksMemory = true;
// Whoever reads or writes behind memory from the heap is found.
inline constexpr bool kGuardsHeap = true;
#else
inline constexpr bool kChecksMemory = false;
inline constexpr bool kGuardsHeap = false;
#endif

#if defined(__SANITIZE_THREAD__) || DASHCAP_HAS_FEATURE(thread_sanitizer)
// Signal handlers run later than the system would run them.
inline constexpr bool kDelaysSignals = true;
#else
inline constexpr bool kDelaysSignals = false;
#endif

#undef DASHCAP_HAS_FEATURE

}  // namespace dashcap
