// The enums of the task dialect, apart because enums are generated for all included files.
#ifndef HETER_DIALECTS_TASK_TASKENUMS_TD
#define HETER_DIALECTS_TASK_TASKENUMS_TD

include "mlir/IR/EnumAttr.td"

def Task_Space : I32EnumAttr<"Space", "whose memory it is", [
    I32EnumAttrCase<"Host", 1, "host">, I32EnumAttrCase<"Device", 2, "device">]> {
  let cppNamespace = "::heter::task";
  let genSpecializedAttr = 0;
}

def Task_Packing : I32EnumAttr<"Packing", "as which factor of a product a matrix lies in tiles", [
    I32EnumAttrCase<"Left", 1, "left">, I32EnumAttrCase<"LeftTransposed", 2, "left_transposed">,
    I32EnumAttrCase<"Right", 3, "right">, I32EnumAttrCase<"RightTransposed", 4, "right_transposed">]> {
  let cppNamespace = "::heter::task";
  let genSpecializedAttr = 0;
}

#endif // HETER_DIALECTS_TASK_TASKENUMS_TD
