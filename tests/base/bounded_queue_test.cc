#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace dashcap {
namespace {

TEST(BoundedQueue, HandsOutInTheOrderOfPushing) {
  BoundedQueue<int> queue(3);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(queue.TryPush(i));
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(queue.Pop({}), i);
}

TEST(BoundedQueue, AFullQueueLeavesTheItemWithTheCaller) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.TryPush(first));
  EXPECT_EQ(first, nullptr);
  EXPECT_FALSE(queue.TryPush(second));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
  EXPECT_EQ(**queue.Pop({}), 1);
  EXPECT_TRUE(queue.TryPush(second));
}

TEST(BoundedQueue, AStopHandsOutWhatIsQueuedAndThenNothing) {
  BoundedQueue<int> queue(4);
  int item = 7;
  ASSERT_TRUE(queue.TryPush(item));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(queue.Pop(stop.get_token()), 7);
  EXPECT_EQ(queue.Pop(stop.get_token()), std::nullopt);
}

TEST(BoundedQueue, AStopWakesAWaitingConsumer) {
  BoundedQueue<int> queue(1);
  std::optional<int> popped = 1;
  std::jthread consumer([&](std::stop_token stop) { popped = queue.Pop(stop); });
  consumer.request_stop();
  consumer.join();
  EXPECT_EQ(popped, std::nullopt);
}

TEST(BoundedQueue, ADeadlineEndsTheWait) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PopUntil({}, std::chrono::steady_clock::now() + std::chrono::milliseconds(1)), std::nullopt);
  int item = 3;
  ASSERT_TRUE(queue.TryPush(item));
  EXPECT_EQ(queue.PopUntil({}, std::chrono::steady_clock::now() - std::chrono::hours(1)), 3);
}

TEST(BoundedQueue, EveryItemCrossesOnce) {
  constexpr int kItems = 20'000;
  BoundedQueue<int> queue(16);
  int expected = 0;
  std::jthread consumer([&] {
    for (int i = 0; i < kItems; ++i) {
      if (queue.Pop({}) == i) ++expected;
    }
  });
  for (int i = 0; i < kItems; ++i) {
    int item = i;
    while (!queue.TryPush(item)) std::this_thread::yield();
  }
  consumer.join();
  EXPECT_EQ(expected, kItems);
}

}  // namespace
}  // namespace dashcap
