// What the assembler makes of tile instructions is read back: all registers in all places, all forms of addresses.
#include "tests/tiles/Decode.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <tuple>
#include <vector>

using namespace heter::test;

// Never executed. Each stretch ends with ud2.
asm(R"(
  .section .rodata
heterEachBaseAndIndex:
  .irp base, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
  .irp index, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
  tileloadd (%\base, %\index, 4), %tmm3
  tileloadd -0x12(%\base, %\index, 1), %tmm3
  .endr
  .endr
  ud2
heterAddresses:
  tilestored %tmm1, (%rax)
  tilestored %tmm1, (%r13, %rcx, 1)
  tilestored %tmm1, 0x7f(%rsp, %rcx, 2)
  tilestored %tmm1, 0x80(%r12, %r12, 4)
  tilestored %tmm1, -0x12345(%rbp, %r15, 8)
  tilestored %tmm1, 0x40(, %rbx, 8)
  tilestored %tmm1, 0x40
  ldtilecfg (%rax)
  ldtilecfg (%r12)
  ldtilecfg 8(%r13)
  ldtilecfg -0x1000(%rbp)
  ldtilecfg 0x30(%rsp)
  ldtilecfg (%rdx, %r9, 2)
  ldtilecfg 0x1234(%rip)
  sttilecfg 0x20(%r10)
  ud2
heterEachTile:
  tilerelease
  .irp tile, 0, 1, 2, 3, 4, 5, 6, 7
  tilezero %tmm\tile
  tileloadd 1(%rcx, %rdx), %tmm\tile
  tileloaddt1 1(%rcx, %rdx), %tmm\tile
  tilestored %tmm\tile, 1(%rcx, %rdx)
  .endr
  ud2
heterEachProduct:
  .irp sum, 0, 1, 2, 3, 4, 5, 6, 7
  .irp left, 0, 1, 2, 3, 4, 5, 6, 7
  .irp right, 0, 1, 2, 3, 4, 5, 6, 7
  .if (\sum - \left) * (\sum - \right) * (\left - \right)
  tdpbf16ps %tmm\right, %tmm\left, %tmm\sum
  .endif
  .endr
  .endr
  .endr
  ud2
heterOthers:
  .macro heter_other instruction:vararg
  \instruction
  .balign 16
  .endm
  .balign 16
heterAlignedOthers:
  heter_other tdpbssd %tmm1, %tmm2, %tmm3
  heter_other {vex} vpdpbusd %ymm1, %ymm2, %ymm3
  heter_other vfmadd231ps %ymm1, %ymm2, %ymm3
  heter_other andn %rax, %rbx, %rcx
  heter_other vpmulld (%rax), %ymm1, %ymm2
  heter_other vpermq $1, %ymm1, %ymm2
  heter_other vaddps %zmm1, %zmm2, %zmm3
  heter_other vzeroupper
  heter_other ud2
  .text
)");
extern "C" const uint8_t heterEachBaseAndIndex[] asm("heterEachBaseAndIndex");
extern "C" const uint8_t heterAddresses[] asm("heterAddresses");
extern "C" const uint8_t heterEachTile[] asm("heterEachTile");
extern "C" const uint8_t heterEachProduct[] asm("heterEachProduct");
extern "C" const uint8_t heterAlignedOthers[] asm("heterAlignedOthers");

namespace {

bool isEnd(const uint8_t *code) { return code[0] == 0x0f && code[1] == 0x0b; }

std::vector<TileInstruction> decodeAll(const uint8_t *code) {
  std::vector<TileInstruction> all;
  while (!isEnd(code)) {
    TileInstruction next;
    if (!decodeTileInstruction(code, next)) {
      ADD_FAILURE() << "instruction " << all.size() << " is not recognised";
      break;
    }
    EXPECT_EQ(next.malformed, nullptr) << "instruction " << all.size();
    all.push_back(next);
    code += next.length;
  }
  return all;
}

using Address = std::tuple<int, int, int, int64_t>;
Address fields(const TileAddress &address) {
  return {address.base, address.index, address.index == TileAddress::none ? 1 : address.scale, address.displacement};
}

constexpr int rax = 0, rcx = 1, rdx = 2, rbx = 3, rsp = 4, rbp = 5, r9 = 9, r10 = 10, r12 = 12, r13 = 13, r15 = 15;

} // namespace

TEST(TileDecode, EachBaseAndIndex) {
  size_t number = 0;
  const std::vector<TileInstruction> all = decodeAll(heterEachBaseAndIndex);
  ASSERT_EQ(all.size(), 2 * 16 * 15);
  for (int base = 0; base < 16; ++base)
    for (int index = 0; index < 16; ++index) {
      if (index == rsp)
        continue;
      for (const Address &expected : {Address(base, index, 4, 0), Address(base, index, 1, -0x12)}) {
        const TileInstruction &got = all[number++];
        EXPECT_EQ(got.operation, TileOperation::Load);
        EXPECT_EQ(got.tile, 3);
        EXPECT_EQ(fields(got.address), expected) << base << ", " << index;
      }
    }
}

TEST(TileDecode, FormsOfAddresses) {
  constexpr int none = TileAddress::none;
  const std::vector<Address> expected = {{rax, none, 1, 0},       {r13, rcx, 1, 0},
                                         {rsp, rcx, 2, 0x7f},     {r12, r12, 4, 0x80},
                                         {rbp, r15, 8, -0x12345}, {none, rbx, 8, 0x40},
                                         {none, none, 1, 0x40},   {rax, none, 1, 0},
                                         {r12, none, 1, 0},       {r13, none, 1, 8},
                                         {rbp, none, 1, -0x1000}, {rsp, none, 1, 0x30},
                                         {rdx, r9, 2, 0},         {TileAddress::instruction, none, 1, 0x1234},
                                         {r10, none, 1, 0x20}};
  const std::vector<TileInstruction> all = decodeAll(heterAddresses);
  ASSERT_EQ(all.size(), expected.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].operation, i < 7    ? TileOperation::Store
                                : i < 14 ? TileOperation::LoadConfiguration
                                         : TileOperation::StoreConfiguration);
    EXPECT_EQ(fields(all[i].address), expected[i]) << "instruction " << i;
  }
}

TEST(TileDecode, EachTile) {
  const std::vector<TileInstruction> all = decodeAll(heterEachTile);
  ASSERT_EQ(all.size(), 1 + 8 * 4);
  EXPECT_EQ(all[0].operation, TileOperation::Release);
  for (size_t i = 1; i < all.size(); ++i) {
    constexpr TileOperation turns[] = {TileOperation::Zero, TileOperation::Load, TileOperation::LoadPassing,
                                       TileOperation::Store};
    EXPECT_EQ(all[i].operation, turns[(i - 1) % 4]);
    EXPECT_EQ(all[i].tile, static_cast<int>((i - 1) / 4));
    if (all[i].operation != TileOperation::Zero) {
      EXPECT_EQ(fields(all[i].address), Address(rcx, rdx, 1, 1));
    }
  }
}

TEST(TileDecode, EachProduct) {
  size_t number = 0;
  const std::vector<TileInstruction> all = decodeAll(heterEachProduct);
  ASSERT_EQ(all.size(), 8 * 7 * 6);
  for (int sum = 0; sum < 8; ++sum)
    for (int left = 0; left < 8; ++left)
      for (int right = 0; right < 8; ++right) {
        if (sum == left || sum == right || left == right)
          continue;
        const TileInstruction &got = all[number++];
        EXPECT_EQ(got.operation, TileOperation::MultiplyBf16);
        EXPECT_EQ(std::tuple(got.tile, got.left, got.right), std::tuple(sum, left, right));
      }
}

TEST(TileDecode, OtherInstructionsAreNotOurs) {
  TileInstruction instruction;
  const uint8_t *code = heterAlignedOthers;
  for (; !isEnd(code); code += 16)
    EXPECT_FALSE(decodeTileInstruction(code, instruction)) << (code - heterAlignedOthers) / 16;
  EXPECT_FALSE(decodeTileInstruction(code, instruction));
  EXPECT_EQ(code - heterAlignedOthers, 8 * 16);
}

TEST(TileDecode, WhatProcessorsRefuse) {
  struct {
    std::vector<uint8_t> code;
    const char *why;
    int tile;
  } const cases[] = {
      {{0xc4, 0xe2, 0x7b, 0x4b, 0x1c, 0x08}, nullptr, 3}, // tileloadd (%rax, %rcx), %tmm3
      {{0xc4, 0xe2, 0xfb, 0x4b, 0x1c, 0x08}, "VEX.W", 3},
      {{0xc4, 0xe2, 0x7f, 0x4b, 0x1c, 0x08}, "VEX.L", 3},
      {{0xc4, 0xe2, 0x73, 0x4b, 0x1c, 0x08}, "VEX.vvvv", 3},
      {{0xc4, 0xe2, 0x7b, 0x4b, 0x18}, "SIB", 3},
      {{0xc4, 0x62, 0x7b, 0x4b, 0x1c, 0x08}, nullptr, 11},
      {{0xc4, 0xe2, 0x73, 0x49, 0xd8}, "VEX.vvvv", 3}, // tilezero
      {{0xc4, 0xe2, 0x70, 0x49, 0xc0}, "VEX.vvvv", 0}, // tilerelease
  };
  for (const auto &one : cases) {
    std::vector<uint8_t> code = one.code;
    code.resize(16);
    TileInstruction got;
    ASSERT_TRUE(decodeTileInstruction(code.data(), got));
    EXPECT_EQ(got.tile, one.tile);
    EXPECT_EQ(got.malformed == nullptr, one.why == nullptr);
    if (one.why && got.malformed) {
      EXPECT_NE(std::string(got.malformed).find(one.why), std::string::npos) << got.malformed;
    }
  }
  // tdpbf16ps with tile 9 on the left or on the right.
  for (const auto &[code, left, right] : {std::tuple(std::vector<uint8_t>{0xc4, 0xc2, 0x72, 0x5c, 0xd1}, 9, 1),
                                          std::tuple(std::vector<uint8_t>{0xc4, 0xe2, 0x32, 0x5c, 0xd1}, 1, 9)}) {
    TileInstruction got;
    ASSERT_TRUE(decodeTileInstruction(code.data(), got));
    EXPECT_EQ(std::tuple(got.tile, got.left, got.right), std::tuple(2, left, right));
  }
}
