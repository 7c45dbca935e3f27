"""The functions of other libraries, with their signatures and conventions, on the engines of this one."""
