// VEX prefix (C4, two bytes), opcode, ModRM, and for memory SIB and displacement.
#include "tests/tiles/Decode.h"

#include <cstring>

namespace heter::test {
namespace {

/// The fields of the prefix and of ModRM, with inverted bits put right.
struct Fields {
  int r, x, b; ///< 8 if set: added to the registers' numbers.
  int vvvv, prefix;
  bool wide, isLong; ///< W and L.
  int opcode, mod, reg, rm;
};

enum Prefix { None, Prefix66, PrefixF3, PrefixF2 };

bool readFields(const uint8_t *code, Fields &fields) {
  if (code[0] != 0xc4 || (code[1] & 0x1f) != 2) // 2: map 0F38
    return false;
  fields.opcode = code[3];
  if (fields.opcode != 0x49 && fields.opcode != 0x4b && fields.opcode != 0x5c)
    return false;
  fields.r = code[1] & 0x80 ? 0 : 8;
  fields.x = code[1] & 0x40 ? 0 : 8;
  fields.b = code[1] & 0x20 ? 0 : 8;
  fields.wide = (code[2] & 0x80) != 0;
  fields.vvvv = ~(code[2] >> 3) & 15;
  fields.isLong = (code[2] & 4) != 0;
  fields.prefix = code[2] & 3;
  fields.mod = code[4] >> 6;
  fields.reg = code[4] >> 3 & 7;
  fields.rm = code[4] & 7;
  return true;
}

bool findOperation(const Fields &fields, TileOperation &operation) {
  const bool isMemory = fields.mod != 3;
  switch (fields.opcode << 4 | fields.prefix) {
  case 0x490 | None:
    operation = isMemory ? TileOperation::LoadConfiguration : TileOperation::Release;
    return fields.reg == 0 && (isMemory || fields.rm == 0);
  case 0x490 | Prefix66:
    operation = TileOperation::StoreConfiguration;
    return isMemory && fields.reg == 0;
  case 0x490 | PrefixF2:
    operation = TileOperation::Zero;
    return !isMemory && fields.rm == 0;
  case 0x4b0 | PrefixF2:
    operation = TileOperation::Load;
    return isMemory;
  case 0x4b0 | Prefix66:
    operation = TileOperation::LoadPassing;
    return isMemory;
  case 0x4b0 | PrefixF3:
    operation = TileOperation::Store;
    return isMemory;
  case 0x5c0 | PrefixF3:
    operation = TileOperation::MultiplyBf16;
    return !isMemory;
  default:
    return false;
  }
}

/// Reads what follows ModRM; gives how many bytes that is.
int readAddress(const uint8_t *rest, const Fields &fields, TileAddress &address) {
  int length = 0, low = fields.rm;
  address.base = fields.rm + fields.b;
  if (fields.rm == 4) {
    const uint8_t sib = rest[length++];
    low = sib & 7;
    address.base = low + fields.b;
    address.index = (sib >> 3 & 7) + fields.x;
    address.scale = 1 << (sib >> 6);
    if (address.index == 4) // rsp's number is none's; r12 is an index.
      address.index = TileAddress::none;
  }
  const bool hasNoBase = fields.mod == 0 && low == 5;
  if (hasNoBase)
    address.base = fields.rm == 4 ? TileAddress::none : TileAddress::instruction;
  if (fields.mod == 1) {
    address.displacement = (rest[length++] ^ 0x80) - 0x80; // with its sign
  } else if (fields.mod == 2 || hasNoBase) {
    int32_t displacement;
    std::memcpy(&displacement, rest + length, sizeof(displacement));
    address.displacement = displacement;
    length += 4;
  }
  return length;
}

const char *whyMalformed(const Fields &fields, const TileInstruction &instruction) {
  if (fields.isLong || fields.wide)
    return "VEX.L or VEX.W is set";
  switch (instruction.operation) {
  case TileOperation::MultiplyBf16:
    break;
  case TileOperation::Load:
  case TileOperation::LoadPassing:
  case TileOperation::Store:
    if (fields.rm != 4)
      return "the address has no SIB byte";
    [[fallthrough]];
  default:
    if (fields.vvvv != 0)
      return "VEX.vvvv names an operand that the instruction does not have";
  }
  return nullptr;
}

} // namespace

const char *nameOf(TileOperation operation) {
  switch (operation) {
  case TileOperation::LoadConfiguration:
    return "ldtilecfg";
  case TileOperation::StoreConfiguration:
    return "sttilecfg";
  case TileOperation::Release:
    return "tilerelease";
  case TileOperation::Zero:
    return "tilezero";
  case TileOperation::Load:
    return "tileloadd";
  case TileOperation::LoadPassing:
    return "tileloaddt1";
  case TileOperation::Store:
    return "tilestored";
  case TileOperation::MultiplyBf16:
    return "tdpbf16ps";
  }
  return "";
}

bool decodeTileInstruction(const uint8_t *code, TileInstruction &instruction) {
  Fields fields;
  instruction = {};
  if (!readFields(code, fields) || !findOperation(fields, instruction.operation))
    return false;
  instruction.length = 5;
  instruction.tile = fields.reg + fields.r;
  if (fields.mod != 3)
    instruction.length += readAddress(code + instruction.length, fields, instruction.address);
  if (instruction.operation == TileOperation::MultiplyBf16) {
    instruction.left = fields.rm + fields.b;
    instruction.right = fields.vvvv;
  }
  instruction.malformed = whyMalformed(fields, instruction);
  return true;
}

} // namespace heter::test
