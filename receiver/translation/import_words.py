"""What tables of people call their columns and lists, in English and Chinese."""

import re
import unicodedata
from collections.abc import Mapping

# A column that the site names itself: `field: locker`, `字段 储物柜`.
_OWN = re.compile(r"(?:field|自定义字段|自定义|字段)\s*[:.\s_]\s*(\S.*)", re.IGNORECASE | re.DOTALL)
FIELD = "field:"
FIELD_NAME = 64
_REMARKS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[\s_\-.*:#/]")

# Without blanks, signs, a number at the end, and what stands in brackets: `Photo 2`, `姓名(必填)*`.
_COLUMNS = {
    "external_id": (
        "id externalid identityid identity personid userid staffid employeeid employeenumber employeeno staffno cardid"
        " number no code 编号 工号 人员编号 员工编号 员工工号 学号 卡号 人员id 身份id"
        " 身份证 身份证号 身份证号码 证件号 证件号码"
    ),
    "name": "name fullname personname identityname username 姓名 名字 人员姓名 员工姓名",
    "list": "list listname type persontype usertype kind category role 名单 名单类型 类型 人员类型 类别 人员类别",
    "group": "group groups groupname department dept team 分组 组 组别 部门 所属部门 单位 班级",
    "note": "note notes remark remarks comment comments 备注 说明 注释",
    "valid_from": (
        "validfrom from start startdate begin since 生效日期 生效时间 开始日期 开始时间 有效期开始 有效期起 起始日期"
    ),
    "valid_until": (
        "validuntil validto until to end enddate expires expiry expirydate"
        " 失效日期 失效时间 结束日期 结束时间 到期日期 截止日期 有效期至 有效期结束 有效期止"
    ),
    "validity": "validity valid period validperiod 有效期 有效期限 有效时间",
    "picture": (
        "picture pictures photo photos image images file files filename path picturepath photopath imagepath face"
        " 照片 图片 相片 头像 人脸 人脸照片 人脸图片 照片路径 图片路径 照片文件 图片文件 照片名 照片名称 文件名 路径"
    ),
}
# Kept as fields of the site's own, under these names.
_FIELDS = {
    "phone": "phone phonenumber mobile mobilephone telephone tel 电话 电话号码 联系电话 手机 手机号 手机号码",
    "email": "email emailaddress mail 邮箱 电子邮箱 电子邮件",
    "title": "title position jobtitle job 职位 职务 岗位 职称",
    "company": "company companyname organisation organization employer 公司 公司名称 单位名称",
    "gender": "gender sex 性别",
    "birthday": "birthday birthdate dateofbirth 生日 出生日期 出生年月",
    "address": "address homeaddress 地址 住址 家庭住址 家庭地址",
    "room": "room roomnumber roomno 房间 房间号 房号",
    "plate": "plate platenumber licenceplate licenseplate carplate 车牌 车牌号 车牌号码",
}
_LISTS = {
    "staff": "staff employee employees internal whitelist white 员工 职工 内部 内部人员 职员 白名单 在职",
    "visitor": "visitor visitors guest guests 访客 来宾 来访 来访人员 外来人员 客人",
    "blacklist": "blacklist blacklisted black blocked denied 黑名单 禁止 布控 布控人员",
    "vip": "vip vips 贵宾 重要人员 重要客户 要员",
}


def _by_spelling(words: Mapping[str, str]) -> Mapping[str, str]:
    return {spelling: ours for ours, spellings in words.items() for spelling in spellings.split()}


COLUMN_OF = _by_spelling(_COLUMNS)
FIELD_OF = _by_spelling(_FIELDS)
LIST_OF = _by_spelling(_LISTS)
# No table says who is a stranger: those come by themselves.
LIST_NAMES = tuple(_LISTS)


def plain(word: str) -> str:
    """A word as the mappings have it: small letters, no blanks or signs, nothing in brackets, half-width."""
    return _REMARKS.sub("", unicodedata.normalize("NFKC", word).lower())


def column_of(header: str) -> str:
    """Our name of a column, of one of the site's own with ``field:`` before it; empty for one that we do not know."""
    words = plain(header)
    own = _OWN.fullmatch(unicodedata.normalize("NFKC", header).strip())
    if own is not None:
        return FIELD + " ".join(own[1].split())[:FIELD_NAME]
    ours = COLUMN_OF.get(words) or COLUMN_OF.get(words.rstrip("0123456789"), "")
    return ours or (FIELD + FIELD_OF[words] if words in FIELD_OF else "")
