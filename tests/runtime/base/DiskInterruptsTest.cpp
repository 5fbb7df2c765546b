// The processor that a disk interrupts, read from folders as the system would have them, and threads that stay there.
#include "runtime/base/DiskInterrupts.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>
#include <thread>

using namespace heter::runtime;

namespace {

/// A disk 254:0 with a part 254:1 on a virtual bus, as Linux tells of it.
class DiskInterruptsTest : public ::testing::Test {
protected:
  void SetUp() override {
    root_ =
        std::filesystem::path(::testing::TempDir()) / ("heter-interrupts-" + std::to_string(::getpid()) + "-" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(disk() / "vda1");
    std::filesystem::create_directories(disk() / "mq/0");
    std::filesystem::create_directories(root_ / "sys/dev/block");
    std::filesystem::create_directory_symlink(disk(), root_ / "sys/dev/block/254:0");
    std::filesystem::create_directory_symlink(disk() / "vda1", root_ / "sys/dev/block/254:1");
    std::filesystem::create_directory_symlink(disk().parent_path().parent_path(), disk() / "device");
    write(bus() / "msi_irqs/35", "msix");
    write(bus() / "msi_irqs/36", "msix");
    describe(35, "1,0", "0");
    describe(36, "0,7511405", "1");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path bus() const { return root_ / "sys/devices/pci0000:00/0000:00:02.0"; }
  std::filesystem::path disk() const { return bus() / "virtio1/block/vda"; }
  static void write(const std::filesystem::path &path, const std::string &text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  }
  void describe(int interrupt, const std::string &counts, const std::string &processors) {
    write(root_ / "sys/kernel/irq" / std::to_string(interrupt) / "per_cpu_count", counts);
    write(root_ / "proc/irq" / std::to_string(interrupt) / "effective_affinity_list", processors);
  }
  int processorOf(dev_t device) const {
    return interruptProcessorOf(device, {.sys = root_ / "sys", .proc = root_ / "proc"});
  }

  std::filesystem::path root_;
  const dev_t whole_ = makedev(254, 0), part_ = makedev(254, 1);
};

TEST_F(DiskInterruptsTest, ADiskWithOneQueueInterruptsOneProcessor) {
  EXPECT_EQ(processorOf(whole_), 1);
  EXPECT_EQ(processorOf(part_), 1);
  describe(35, "0,7511406", "0"); // the one that comes more often counts
  EXPECT_EQ(processorOf(whole_), 0);
}

TEST_F(DiskInterruptsTest, ADiskWithAQueueAProcessorInterruptsAll) {
  std::filesystem::create_directories(disk() / "mq/1");
  EXPECT_EQ(processorOf(whole_), -1);
  EXPECT_EQ(processorOf(part_), -1);
}

TEST_F(DiskInterruptsTest, WhatTheSystemDoesNotTellIsNoProcessor) {
  EXPECT_EQ(processorOf(makedev(0, 37)), -1) << "a file system without a disk of its own";
  describe(36, "0,7511405", "0-1");
  EXPECT_EQ(processorOf(whole_), -1) << "it may come to several";
  describe(36, "0,7511405", "");
  EXPECT_EQ(processorOf(whole_), -1);
  describe(35, "0,0", "0");
  describe(36, "0,0", "1");
  EXPECT_EQ(processorOf(whole_), -1) << "none has come yet";
  std::filesystem::remove_all(root_ / "sys/kernel");
  EXPECT_EQ(processorOf(whole_), -1);
  std::filesystem::remove_all(bus() / "msi_irqs");
  EXPECT_EQ(processorOf(whole_), -1);
  std::filesystem::remove(disk() / "device");
  EXPECT_EQ(processorOf(whole_), -1);
}

cpu_set_t affinity() {
  cpu_set_t set{};
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  return set;
}

TEST(StaysOnProcessor, UntilItIsGone) {
  std::thread([] { // whose affinity is nobody else's
    const cpu_set_t before = affinity();
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (!CPU_ISSET(processor, &before))
        continue;
      const StaysOnProcessor there(processor);
      cpu_set_t only{};
      CPU_SET(processor, &only);
      const cpu_set_t now = affinity();
      EXPECT_TRUE(CPU_EQUAL(&now, &only)) << processor;
      EXPECT_EQ(::sched_getcpu(), processor);
    }
    const cpu_set_t after = affinity();
    EXPECT_TRUE(CPU_EQUAL(&after, &before));
  })
      .join();
}

TEST(StaysOnProcessor, OnlyWhereTheThreadMayRun) {
  std::thread([] {
    const cpu_set_t all = affinity();
    for (const int processor : {-1, CPU_SETSIZE, CPU_SETSIZE - 1}) {
      const StaysOnProcessor nowhere(processor);
      const cpu_set_t now = affinity();
      EXPECT_TRUE(CPU_EQUAL(&now, &all)) << processor;
    }
    if (CPU_COUNT(&all) < 2)
      return; // all that can be seen there
    const int last = [&] {
      int processor = CPU_SETSIZE - 1;
      while (!CPU_ISSET(processor, &all))
        --processor;
      return processor;
    }();
    cpu_set_t others = all;
    CPU_CLR(last, &others);
    {
      const StaysOnProcessor there(last);
      ASSERT_EQ(::sched_setaffinity(0, sizeof(others), &others), 0); // somebody says otherwise
    }
    const cpu_set_t now = affinity();
    EXPECT_TRUE(CPU_EQUAL(&now, &others));
    {
      const StaysOnProcessor there(last);
      const cpu_set_t kept = affinity();
      EXPECT_TRUE(CPU_EQUAL(&kept, &others));
    }
  }).join();
}

} // namespace
