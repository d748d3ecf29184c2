#include "base/file_descriptor.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dashcap {
namespace {

bool IsOpen(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0;
}

TEST(FileDescriptor, ClosesWhatItOwns) {
  int fd;
  {
    auto file = OpenFile("/dev/null", O_RDONLY);
    ASSERT_TRUE(file) << file.error().message;
    fd = file->get();
    EXPECT_TRUE(IsOpen(fd));
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  EXPECT_FALSE(IsOpen(fd));
}

TEST(FileDescriptor, MovingHandsOver) {
  FileDescriptor first = *OpenFile("/dev/null", O_RDONLY);
  const int fd = first.get();
  FileDescriptor second = std::move(first);
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(second.Close());
  EXPECT_FALSE(second.valid());
  EXPECT_FALSE(IsOpen(fd));
  EXPECT_TRUE(second.Close());
}

TEST(FileDescriptor, AFailureNamesThePathAndTheCause) {
  const auto file = OpenFile("/nonexistent/file", O_RDONLY);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(file.error().message, "open /nonexistent/file: no such file or directory");
}

TEST(FileDescriptor, ClosingWhatTheSystemAlreadyClosedIsReported) {
  FileDescriptor file = *OpenFile("/dev/null", O_RDONLY);
  ::close(file.get());
  const Status closed = file.Close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().message, "close: bad file descriptor");
}

}  // namespace
}  // namespace dashcap
