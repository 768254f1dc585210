"""Which letters languages are written with, and how often: what the guess of a code page goes by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The small letters beyond ASCII of a language.

    Attributes:
        letters: All of them.
        usual: The ten or so that are most of a text; empty where they stand among plain letters, each as good as another.
        often: Those that come next.
    """

    letters: frozenset[str]
    usual: frozenset[str] = frozenset()
    often: frozenset[str] = frozenset()

    def fit_of(self, letter: str) -> float:
        """How much a letter of it speaks for it."""
        if not self.usual or letter in self.usual:
            return 1.0
        return 0.6 if letter in self.often else 0.1


def _among_plain(*alphabets: str) -> tuple[Alphabet, ...]:
    return tuple(Alphabet(frozenset(letters)) for letters in alphabets)


def _by_frequency(usual: str, often: str, rest: str) -> tuple[Alphabet, ...]:
    return (Alphabet(frozenset(usual + often + rest), frozenset(usual), frozenset(often)),)


WESTERN = _among_plain(
    "äöüß",
    "àâæçéèêëîïôœùûü",
    "áéíñóúü",
    "àáâãçéêíóôõúü",
    "àèéìîòù",
    "éëïèöü",
    "åäöé",
    "æøåé",
    "áéíóúýðþæö",
    "àçèéíïòóúü",
)
"""German, French, Spanish, Portuguese, Italian, Dutch, Swedish and Finnish, Danish and Norwegian, Icelandic, Catalan."""

CENTRAL = _among_plain("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüß")
"""Polish, Czech, Slovak, Hungarian, Romanian, Croatian and Slovene, German."""

TURKISH = _among_plain("çğıi̇öşüâîû")
BALTIC = _among_plain("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")
"""Lithuanian, Latvian, Estonian."""

CYRILLIC = (
    *_by_frequency("оеаинтсрвл", "кмдпуяыьгзб", "чйхжшюцщэфъё"),
    *_by_frequency("оаинвтерісл", "кмудпязьгб", "чхцюїйєжшщґф"),
    *_by_frequency("аоеинтрсвл", "дкпмзъугбщ", "чяцйжхшюфь"),
    *_by_frequency("аоеинртсувј", "дкмлпзгб", "шчцжњхљћђџф"),
)
"""Russian, Ukrainian, Bulgarian, Serbian."""

GREEK = _by_frequency("αοιετσνηυρ", "πκμλςίάέόή", "γδθβωύώχφξζψϊϋΐΰ")
HEBREW = _by_frequency("יוהלאמרבתנ", "שדעחםפקק", "גטזסכצןךףץ")
ARABIC = _by_frequency("اليمونرتبة", "عدسفهكقحج", "شطصخضثغذزءأإآىئؤظپچگکی،؟ًٌٍَُِّْ")
THAI = _by_frequency("านรกอเงมยล", "วดทสตะปบคหแ่้ีัิ", "จชพขใไโธณถผซศษฟฮญภฉฝฐฎฏฒฑฌฬฆฤฯๆุูื็์ึำๅํ๊๋")

PAGES = {
    "cp1252": WESTERN,
    "cp1251": CYRILLIC,
    "cp850": WESTERN,
    "cp1250": CENTRAL,
    "koi8_u": CYRILLIC,
    "cp866": CYRILLIC,
    "cp1254": TURKISH,
    "cp1253": GREEK,
    "cp1257": BALTIC,
    "cp1255": HEBREW,
    "cp1256": ARABIC,
    "iso8859_2": CENTRAL,
    "iso8859_5": CYRILLIC,
    "iso8859_7": GREEK,
    "iso8859_6": ARABIC,
    "cp852": CENTRAL,
    "mac_roman": WESTERN,
    "mac_cyrillic": CYRILLIC,
    "cp874": THAI,
    "cp857": TURKISH,
    "cp737": GREEK,
    "cp775": BALTIC,
    "mac_latin2": CENTRAL,
    "mac_greek": GREEK,
    "mac_turkish": TURKISH,
}
"""Pages of a byte a letter, as Python calls them, the most used first: what is written in them."""

USUAL_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最"
    "重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入"
    "几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼"
    "书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运启重服务器错误配"
    "置文件检查网络连接请求超时日志内存进程线程端口版本更新安装运行测试代码函数变量参数返回异常编译脚本用户密码登录权限磁盘缓存队列删除修改添加查询"
)
"""The most frequent letters of Chinese as it is written on the mainland, and those of programs' messages."""

USUAL_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同"
    "現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並"
    "物手應向頭文體相見被利什二等產或新己制身果加西月話合回特代內信表化老給世位次度門任常先通教原聲提立及比員解水名論處入條系氣題更別變總電數安少報"
    "結反受量再建務做接必場件計管期市直資命指統區保形社便空決設式路記告類求據程邊該交規取術確傳清導運啟服務器錯誤配置檔案檢查網路連線請求逾時記憶執"
    "行緒埠版本更新安裝測試程式碼函數變數參數返回異常編譯腳本使用者密碼登入權限磁碟快取佇列刪除修改新增查詢"
)
"""The same of Chinese as it is written on Taiwan and in Hong Kong."""

USUAL_KANJI = frozenset(
    "日一国人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白天"
    "母火右読友左休父雨的対部員新定設実現動法用数全合理性発成作者方開始終期同体当議経十自立取手機会問題変更確認表示指定接続起動再起失敗成功処理文字"
    "列場所使用追加削除実行環境更新情報必要可能不明内容通信権限容量保存検索結果試件以場知言事物面無最化関意連加選別度回点正計重切"
)
"""Those of Japanese, beside its own kana."""

USUAL_HANGUL = frozenset(
    "이다는을가에의고하지로서기사한도리자스시인대어나아정그일해들전수으보부과장니라있은여상제주구것원를적와동만조거안았공게문신했성유없중위세오경관마국"
    "모진선소비생학면년요연계우간물치미통방명분발개화내속회실었행무할러때트드파용법단력된입되및키버며터설인해야결습저데오류파일확검색록접료방메"
)
"""The most frequent syllables of Korean."""
